/** Where a scanner is. All that a state must remember lies in fields, so that input may be cut after any character. */

/** Nothing of this stream seen yet: an XML declaration may come. */
export const START = 0;
/** Before the stream header. */
export const PROLOG = 1;
/** Between first-level elements. */
export const BETWEEN = 2;
/** After `<`. */
export const MARKUP = 3;
export const TAG_NAME = 4;
/** In a start tag, between attributes. */
export const IN_TAG = 5;
export const ATTRIBUTE_NAME = 6;
export const EQUALS = 7;
export const QUOTE = 8;
export const ATTRIBUTE_VALUE = 9;
/** After `/` in a start tag. */
export const EMPTY = 10;
/** After `</`. */
export const END_NAME = 11;
export const END_SPACE = 12;
/** In an element. */
export const TEXT = 13;
/** After the end of the stream. */
export const CLOSED = 14;

// The states of `SpecialScanner`.
/** After `<?` at the start of the stream. */
export const DECLARATION = 15;
/** After `<!`. */
export const BANG = 16;
export const CDATA = 17;
/** After `&`. */
export const REFERENCE = 18;
export const ENTITY = 19;
/** After `&#`. */
export const CHARACTER = 20;
export const DECIMAL = 21;
export const HEXADECIMAL = 22;

/** No state: the scanner's `problem` says what is wrong. */
export const REFUSED = -1;
