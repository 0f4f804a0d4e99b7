const FIRST_PLACES = 1 << 12;
/** Characters at the end of a key that are taken: 50 random bits, which a number holds. */
const TAKEN = 10;
const LETTERS = new Map([...'0123456789ABCDEFGHJKMNPQRSTVWXYZ'].map((letter, value) => [letter, value]));

/**
 * Keys of tasks that have been seen, 16 to 32 bytes each, where a `Set` takes a hundred. It may take a key for another
 * one, once in some 10^15 times the number of keys; it never forgets one.
 */
export class SeenKeys {
  #places = new Float64Array(FIRST_PLACES);
  #size = 0;

  /** False if it has been seen before. */
  add(key: string): boolean {
    if (this.#size * 2 >= this.#places.length) this.#grow();
    const isNew = put(this.#places, numberOf(key));
    if (isNew) this.#size++;
    return isNew;
  }

  has(key: string): boolean {
    return this.#places[placeOf(this.#places, numberOf(key))] !== 0;
  }

  #grow(): void {
    const grown = new Float64Array(this.#places.length * 2);
    for (const number of this.#places) if (number !== 0) put(grown, number);
    this.#places = grown;
  }
}

/** Never 0, which is a place that is free. */
const numberOf = (key: string): number => {
  let number = 0;
  for (const letter of key.slice(-TAKEN)) number = number * 32 + (LETTERS.get(letter) ?? 0);
  return number + 1;
};

/** False if it is there. */
function put(places: Float64Array, number: number): boolean {
  const place = placeOf(places, number);
  const isNew = places[place] === 0;
  places[place] = number;
  return isNew;
}

/** Where the number is, or else the free place that is nearest to its own. There are more places than numbers. */
function placeOf(places: Float64Array, number: number): number {
  let at = number % places.length;
  while (places[at] !== 0 && places[at] !== number) at = at + 1 === places.length ? 0 : at + 1;
  return at;
}
