const FIRST_SLOTS = 1 << 12;
/** Characters at the end of a key that are taken: 50 random bits, which a number holds. */
const TAKEN = 10;
const LETTERS = new Map([...'0123456789ABCDEFGHJKMNPQRSTVWXYZ'].map((letter, value) => [letter, value]));

/**
 * Keys of tasks that have been seen, 16 to 32 bytes each, where a `Set` takes a hundred. It may take a key for another
 * one, once in some 10^15 times the number of keys; it never forgets one.
 */
export class SeenKeys {
  #slots = new Float64Array(FIRST_SLOTS);
  #size = 0;

  /** False if it has been seen before. */
  add(key: string): boolean {
    if (this.#size * 2 >= this.#slots.length) this.#grow();
    const isNew = put(this.#slots, numberOf(key));
    if (isNew) this.#size++;
    return isNew;
  }

  has(key: string): boolean {
    return this.#slots[slotOf(this.#slots, numberOf(key))] !== 0;
  }

  #grow(): void {
    const grown = new Float64Array(this.#slots.length * 2);
    for (const number of this.#slots) if (number !== 0) put(grown, number);
    this.#slots = grown;
  }
}

/** Never 0, which is a slot that is free. */
const numberOf = (key: string): number => {
  let number = 0;
  for (const letter of key.slice(-TAKEN)) number = number * 32 + (LETTERS.get(letter) ?? 0);
  return number + 1;
};

/** False if it is there. */
function put(slots: Float64Array, number: number): boolean {
  const slot = slotOf(slots, number);
  const isNew = slots[slot] === 0;
  slots[slot] = number;
  return isNew;
}

/** Where the number is, or else the free slot that is nearest to its own. There are more slots than numbers. */
function slotOf(slots: Float64Array, number: number): number {
  let at = number % slots.length;
  while (slots[at] !== 0 && slots[at] !== number) at = at + 1 === slots.length ? 0 : at + 1;
  return at;
}
