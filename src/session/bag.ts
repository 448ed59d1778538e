/** Things that come and go with every request, in no order. */
export interface Bag<Value> {
  /** Returns the function that takes the value out again; calling it twice does nothing more. */
  readonly add: (value: Value) => () => void;
  readonly values: () => readonly Value[];
  readonly size: () => number;
}

interface Slot<Value> {
  readonly value: Value;
  /** Place in the array; -1 when taken out. */
  index: number;
}

/**
 * An array in which the last one fills the gap. A Set or Map that is added to and deleted from all the time makes a new table
 * every few dozen requests, and the old tables, once they have grown old, keep each other and all that was in them alive until
 * the next full collection: measured, that made each request cost half as much again.
 */
export function createBag<Value>(): Bag<Value> {
  const slots: Slot<Value>[] = [];
  return {
    add: (value) => {
      const slot: Slot<Value> = { value, index: slots.length };
      slots.push(slot);
      return () => {
        if (slot.index === -1) return;
        const last = slots.pop();
        if (last !== undefined && last !== slot) {
          slots[slot.index] = last;
          last.index = slot.index;
        }
        slot.index = -1;
      };
    },
    values: () => slots.map(({ value }) => value),
    size: () => slots.length,
  };
}
