import { type Picture, picture, pixelAt } from './picture.ts';

/* What a picture looks like after it was turned, shrunk, cut or put beside others: by plain maths, pixel by pixel. */

interface Place {
  readonly x: number;
  readonly y: number;
}
type Where = (
  row: number,
  column: number,
  shown: { readonly width: number; readonly height: number },
) => Place;

/** EXIF's definition: which side of the upright picture the stored row 0 and the stored column 0 are. */
const PLACES: Readonly<Record<number, Where>> = {
  1: (row, column) => ({ x: column, y: row }),
  2: (row, column, { width }) => ({ x: width - 1 - column, y: row }),
  3: (row, column, { width, height }) => ({ x: width - 1 - column, y: height - 1 - row }),
  4: (row, column, { height }) => ({ x: column, y: height - 1 - row }),
  5: (row, column) => ({ x: row, y: column }),
  6: (row, column, { width }) => ({ x: width - 1 - row, y: column }),
  7: (row, column, { width, height }) => ({ x: width - 1 - row, y: height - 1 - column }),
  8: (row, column, { height }) => ({ x: row, y: height - 1 - column }),
};
export const ORIENTATIONS = Object.keys(PLACES).map(Number);

/** How a camera that is held so stores what it sees. */
export function stored(shown: Picture, orientation: number): Picture {
  const isOnItsSide = orientation > 4;
  const [width, height] = isOnItsSide ? [shown.height, shown.width] : [shown.width, shown.height];
  return picture(width, height, (column, row) => {
    const { x, y } = (PLACES[orientation] as Where)(row, column, shown);
    return pixelAt(shown, x, y);
  });
}

/** One quarter turn counter-clockwise: the right side becomes the top. */
const quarterTurn = (from: Picture): Picture =>
  picture(from.height, from.width, (x, y) => pixelAt(from, from.width - 1 - y, x));

/** Turned counter-clockwise by 0, 90, 180 or 270 degrees. */
export const turned = (from: Picture, rotation: number): Picture =>
  rotation === 0 ? from : turned(quarterTurn(from), rotation - 90);

/** The mean of each square of `factor` × `factor` pixels. */
export const shrunk = (from: Picture, factor: number): Picture =>
  picture(from.width / factor, from.height / factor, (x, y) => {
    const sums = new Array<number>(from.channels).fill(0);
    for (let at = 0; at < factor * factor; at += 1) {
      const pixel = pixelAt(from, x * factor + (at % factor), y * factor + Math.floor(at / factor));
      for (const channel of sums.keys()) sums[channel] = (sums[channel] ?? 0) + (pixel[channel] ?? 0);
    }
    return sums.map((sum) => Math.round(sum / factor ** 2));
  });

/** The part of this size in the middle. */
export const middle = (from: Picture, width: number, height: number): Picture => {
  const [left, top] = [Math.floor((from.width - width) / 2), Math.floor((from.height - height) / 2)];
  return picture(width, height, (x, y) => pixelAt(from, left + x, top + y));
};

/** Pixels with alpha over white, opaque. */
export const overWhite = (from: Picture): Picture =>
  picture(from.width, from.height, (x, y) => {
    const [red = 0, green = 0, blue = 0, alpha = 255] = pixelAt(from, x, y);
    return [red, green, blue].map((sample) => Math.round((sample * alpha + 255 * (255 - alpha)) / 255));
  });

/** Pictures in the middles of cells of one size, so many a row; the rest is of the given pixel. */
export function inCells(
  pictures: readonly Picture[],
  cell: { readonly width: number; readonly height: number },
  columns: number,
  rest: readonly number[],
): Picture {
  const rows = Math.ceil(pictures.length / columns);
  return picture(cell.width * columns, cell.height * rows, (x, y) => {
    const [column, row] = [Math.floor(x / cell.width), Math.floor(y / cell.height)];
    const inside = pictures[row * columns + column];
    if (!inside) return rest;
    const left = (x % cell.width) - Math.floor((cell.width - inside.width) / 2);
    const top = (y % cell.height) - Math.floor((cell.height - inside.height) / 2);
    const isIn = left >= 0 && top >= 0 && left < inside.width && top < inside.height;
    return isIn ? pixelAt(inside, left, top) : rest;
  });
}
