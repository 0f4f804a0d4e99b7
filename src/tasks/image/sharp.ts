import sharp from 'sharp';

// Several images at once beat several threads for one: libvips' own threads gain nothing at thumb sizes.
sharp.concurrency(1);
// A decoded stranger's image has no business in memory once its task is over, and no two tasks share a file.
sharp.cache(false);
// SVG, TIFF, PDF and the rest are so many more parsers for strangers to try; a loader that is blocked never sees a byte.
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({
  operation: [
    'VipsForeignLoadJpeg',
    'VipsForeignLoadPng',
    'VipsForeignLoadWebp',
    'VipsForeignLoadNsgif',
    'VipsForeignLoadHeif',
  ],
});

export { sharp };
