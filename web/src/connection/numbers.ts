/** Which numbers were heard, as few ranges: exact while they come nearly in order, whatever their count. */

/** Holes that are remembered; what is below the lowest one then counts as heard. */
const MAX_RANGES = 16;

export class Numbers {
  /** Ranges `[first, last]`, ascending, none touching the next. */
  #ranges: [number, number][] = [];

  /** Take note of a number. False: it was heard before. */
  add(number: number): boolean {
    const ranges = this.#ranges;
    let at = ranges.length;
    while (at > 0 && (ranges[at - 1]?.[0] ?? 0) > number) at -= 1;
    const below = ranges[at - 1];
    const above = ranges[at];
    if (below && number <= below[1]) return false;
    const joinsBelow = below !== undefined && below[1] === number - 1;
    const joinsAbove = above !== undefined && above[0] === number + 1;
    if (joinsBelow && joinsAbove) {
      below[1] = above[1];
      ranges.splice(at, 1);
    } else if (joinsBelow) below[1] = number;
    else if (joinsAbove) above[0] = number;
    else ranges.splice(at, 0, [number, number]);
    if (ranges.length > MAX_RANGES) {
      const [lowest, next] = ranges;
      if (lowest && next) ranges.splice(0, 2, [lowest[0], next[1]]);
    }
    return true;
  }
}
