const TYPES: ReadonlyMap<string | undefined, string> = new Map([
  ['jpg', 'image/jpeg'],
  ['png', 'image/png'],
]);

/** The media type of a sample, which no event tells; undefined for what is none. */
export const sampleType = (file: string): string | undefined => TYPES.get(file.split('.')[1]);
