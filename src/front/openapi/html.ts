/** Text that is HTML already. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Piece = Html | string | number | undefined | readonly Piece[];

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

const textOf = (piece: Piece): string => {
  if (piece === undefined) return '';
  if (piece instanceof Html) return piece.text;
  if (Array.isArray(piece)) return piece.map(textOf).join('');
  return String(piece).replace(/[&<>"']/g, (character) => ESCAPES[character] as string);
};

/** A template whose values are escaped unless they are HTML; lists are joined, `undefined` is nothing. */
export const html = (strings: TemplateStringsArray, ...pieces: readonly Piece[]): Html =>
  new Html(strings.map((string, index) => string + textOf(pieces[index])).join(''));

export const joined = (pieces: readonly Piece[], separator: string): Piece =>
  pieces.flatMap((piece, index) => (index === 0 ? [piece] : [separator, piece]));

/** A sentence of the document: what stands between backticks is code. */
export const sentence = (text: string): Html =>
  html`${text.split('`').map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : part))}`;

/** Paragraphs, which an empty line parts. */
export const prose = (text: string): Html =>
  html`${text.split('\n\n').map((paragraph) => html`<p>${sentence(paragraph)}</p>`)}`;

/** A description as a sentence: with a full stop where it has no end of its own. */
export const ended = (text: string): string => (text === '' || /[.!?]$/.test(text) ? text : `${text}.`);

/** A name as the end of an anchor: only what needs no escape in a URL. */
export const slug = (name: string): string => name.replace(/[^A-Za-z0-9.]+/g, '-').replace(/^-|-$/g, '');
