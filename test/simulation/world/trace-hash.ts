/** A running hash over everything that happened: two runs of one seed must end with the same. With `lines` it also keeps the text. */
export class TraceHash {
  lines: ((line: string) => void) | undefined;
  #low = 0x811c9dc5;
  #high = 0x1234567;

  add(line: string): void {
    this.lines?.(line);
    let low = this.#low;
    let high = this.#high;
    for (let index = 0; index < line.length; index++) {
      const code = line.charCodeAt(index);
      low = Math.imul(low ^ code, 0x01000193);
      high = Math.imul(high ^ code, 0x85ebca6b) + 0x9e3779b9;
    }
    this.#low = low;
    this.#high = high;
  }

  get text(): string {
    return (this.#low >>> 0).toString(16).padStart(8, '0') + (this.#high >>> 0).toString(16).padStart(8, '0');
  }
}
