/** Milliseconds that a rate looks back. */
const WINDOW = 3000;
const SLOT = 250;

/** Bytes per second over the last few seconds. */
export class Rate {
  readonly #slots: { at: number; bytes: number }[] = [];

  add(bytes: number, now: number): void {
    const last = this.#slots.at(-1);
    if (last && now - last.at < SLOT) last.bytes += bytes;
    else this.#slots.push({ at: now, bytes });
    while ((this.#slots[0]?.at ?? now) < now - WINDOW) this.#slots.shift();
  }

  /** 0 until there is enough to tell. */
  perSecond(now: number): number {
    const [first] = this.#slots;
    if (!first || now - first.at < SLOT) return 0;
    const bytes = this.#slots.reduce((sum, slot) => sum + slot.bytes, 0);
    return (bytes * 1000) / (now - first.at);
  }
}
