import Type from 'typebox';
import { parseUrl } from '../parse-url.ts';

export const MUST_BE_URL = 'must be an absolute http or https URL';
export const URL_PATTERN = '^[Hh][Tt][Tt][Pp][Ss]?://';

// The fetcher takes no longer ones either.
const MAX_URL_LENGTH = 8_192;

/**
 * A parameter that names a source.
 *
 * The pattern is for the schema's readers; whether the rest parses is asked of the URL parser that the fetch will
 * use, because `format: 'uri'` refuses what browsers take, such as `/café.jpg`.
 */
export const sourceUrl = (description: string) =>
  Type.Refine(
    Type.String({ description, pattern: URL_PATTERN, maxLength: MAX_URL_LENGTH }),
    (text) => parseUrl(text) !== undefined,
    () => MUST_BE_URL,
  );
