/**
 * Text and attribute values as XML. White space that a parser would normalise away (XML §2.11, §3.3.3) becomes a
 * character reference, and a character that XML cannot hold at all becomes U+FFFD, so that nothing we generate can break
 * a stream (RFC 6120 §11.3 rule 1).
 */

// Looked for first, each in one class: what may need replacing. Then, exactly: an unpaired surrogate is no character.
const TEXT = /[&<>\r\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]/;
const ATTRIBUTE = /[&<>'"\0-\x1f\ud800-\udfff\ufffe\uffff]/;
const TEXT_ALL = /[&<>\r\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|\p{Surrogate}/gu;
const ATTRIBUTE_ALL = /[&<>'"\0-\x1f\ufffe\uffff]|\p{Surrogate}/gu;

function replacement(character: string): string {
  switch (character) {
    case '&':
      return '&amp;';
    case '<':
      return '&lt;';
    case '>':
      return '&gt;';
    case "'":
      return '&apos;';
    case '"':
      return '&quot;';
    case '\t':
      return '&#9;';
    case '\n':
      return '&#10;';
    case '\r':
      return '&#13;';
    default:
      return '\ufffd';
  }
}

/** Character data of an element. */
export function escapeText(text: string): string {
  return TEXT.test(text) ? text.replace(TEXT_ALL, replacement) : text;
}

/** An attribute's value, for either kind of quotes. */
export function escapeAttribute(value: string): string {
  return ATTRIBUTE.test(value) ? value.replace(ATTRIBUTE_ALL, replacement) : value;
}
