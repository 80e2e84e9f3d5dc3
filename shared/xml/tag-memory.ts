/** The lists a scanner needs while a unit is under way: lent, so that ten thousand idle streams keep none. */
export interface TagMemory {
  /** Names of the root's attributes, as many as `rootCount` of the scanner says. */
  readonly rootAttributes: string[];
  /** Their offsets in the unit: name start, value start, value end of each. */
  readonly marks: number[];
  /** Names of the attributes of the tag at hand. */
  readonly attributes: string[];
  /** Names of the open elements. */
  readonly open: string[];
}

/** What grew beyond this is left to the garbage collector. */
const ordinary = 256;
let spare: TagMemory | undefined;

/** Room for one start tag: that of the last one, where it was given back. */
export function borrowMemory(): TagMemory {
  const memory = spare ?? { rootAttributes: [], marks: [], attributes: [], open: [] };
  spare = undefined;
  return memory;
}

/** Gives the room back, unless a tag of extraordinary size has made it large. */
export function returnMemory(memory: TagMemory): void {
  if (memory.attributes.length <= ordinary && memory.open.length <= ordinary) spare = memory;
}
