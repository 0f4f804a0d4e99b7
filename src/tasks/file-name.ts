/**
 * The name of a file that a client may choose: a path and a URL are made of it, so no dots, no slashes and no dash in
 * front. `sizes` is the member of the result beside which the files stand.
 */
export const FILE_NAME_PATTERN = '^(?!sizes$)[a-z0-9][a-z0-9_-]{0,63}$';
export const MUST_BE_FILE_NAME =
  'is not a name: a-z, 0-9, - and _, up to 64, a letter or digit first, not sizes';
