const DISC = { radius: 0.5, alpha: 0.55 };
/** Distance from the centre to each side; a little smaller than the disc's inside. */
const TRIANGLE_INNER_RADIUS = 0.13;

/**
 * A white triangle on a dark disc, `size` pixels square: straight RGBA. Drawn here, because SVG is blocked.
 *
 * Each pixel is covered by as much of a shape as its distance from the shape's edge says, which is what
 * smooths the edges.
 */
export function drawPlayIcon(size: number): Buffer {
  const pixels = Buffer.alloc(size * size * 4);
  for (let y = 0; y < size; y += 1) {
    for (let x = 0; x < size; x += 1) {
      const [dx, dy] = [(x + 0.5) / size - 0.5, (y + 0.5) / size - 0.5];
      const disc = coverage(Math.hypot(dx, dy) - DISC.radius, size) * DISC.alpha;
      const triangle = coverage(distanceToTriangle(dx, dy), size);
      const alpha = triangle + disc * (1 - triangle);
      const white = alpha === 0 ? 0 : Math.round((255 * triangle) / alpha);
      pixels.set([white, white, white, Math.round(255 * alpha)], (y * size + x) * 4);
    }
  }
  return pixels;
}

const coverage = (distance: number, size: number): number => Math.min(1, Math.max(0, 0.5 - distance * size));

/** Of an equilateral triangle around the centre that points to the right; negative inside. */
function distanceToTriangle(x: number, y: number): number {
  const slanted = x * 0.5 + Math.abs(y) * (Math.sqrt(3) / 2);
  return Math.max(-x, slanted) - TRIANGLE_INNER_RADIUS;
}
