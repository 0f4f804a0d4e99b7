import { fitInto } from './frame.ts';
import type { OpenedImage } from './opened-image.ts';
import { decodePixels, type Pixels } from './pixels.ts';
import { applyShape, type Shape, shapeInto } from './shape.ts';
import { type Size, turnSize, turnUpright } from './upright.ts';

/** Several images in cells of one size, row by row. */
interface Layout {
  readonly cell: Size;
  readonly columns: number;
  readonly rows: number;
  /** True fills the cells and cuts off the rest, false fits the images inside, in the middle. */
  readonly crop: boolean;
}

/** The size of a cell; what was not asked for follows from the first image, upright. */
export function cellFor(asked: Partial<Size>, first: OpenedImage): Size {
  return fitInto({ ...asked, crop: true }, turnSize(first, turnUpright(first.orientation))).result;
}

export const sheetSize = ({ cell, columns, rows }: Layout): Size => ({
  width: cell.width * columns,
  height: cell.height * rows,
});

/**
 * Draws the images, upright; what they leave free is transparent, or white if the sheet is to be opaque. One is decoded
 * after the other, so that there is never more in memory than the sheet and one image. `onDrawn` hears how many are done.
 */
export async function drawSheet(
  images: readonly OpenedImage[],
  layout: Layout,
  isOpaque: boolean,
  onDrawn: (count: number) => void,
): Promise<Pixels> {
  const shapes = images.map((image) =>
    shapeInto({ ...layout.cell, crop: layout.crop }, image, turnUpright(image.orientation)),
  );
  const channels = isOpaque || isCovered(images, shapes, layout) ? 3 : 4;
  const { width, height } = sheetSize(layout);
  const data = Buffer.alloc(width * height * channels, channels === 3 ? 255 : 0);
  const sheet: Pixels = { data, width, height, channels };
  for (const [index, image] of images.entries()) {
    const shape = shapes[index] as Shape;
    const drawn = await decodePixels(image, channels, (pixels) => applyShape(pixels, image, shape));
    put(drawn, sheet, layout.cell, {
      column: index % layout.columns,
      row: Math.floor(index / layout.columns),
    });
    onDrawn(index + 1);
  }
  return sheet;
}

/** Whether nothing of the sheet can be seen through. */
const isCovered = (images: readonly OpenedImage[], shapes: readonly Shape[], layout: Layout): boolean =>
  images.length === layout.columns * layout.rows &&
  images.every(({ metadata }) => !metadata.hasAlpha) &&
  shapes.every(({ result }) => result.width === layout.cell.width && result.height === layout.cell.height);

/** Copies an image into the middle of its cell. */
function put(
  image: Pixels,
  sheet: Pixels,
  cell: Size,
  { column, row }: { readonly column: number; readonly row: number },
): void {
  const left = column * cell.width + Math.floor((cell.width - image.width) / 2);
  const top = row * cell.height + Math.floor((cell.height - image.height) / 2);
  const rowBytes = image.width * image.channels;
  for (let y = 0; y < image.height; y += 1)
    image.data.copy(
      sheet.data,
      ((top + y) * sheet.width + left) * sheet.channels,
      y * rowBytes,
      (y + 1) * rowBytes,
    );
}
