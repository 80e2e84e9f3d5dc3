/** The Bidi Rule of RFC 5893 §2, for localparts and for the labels of a domainpart. */

type BidiClass = 'L' | 'R' | 'AL' | 'AN' | 'EN' | 'ES' | 'CS' | 'ET' | 'ON' | 'BN' | 'NSM';

// The default Bidi_Class of blocks (DerivedBidiClass.txt): it holds for every letter and mark in them, later ones too.
const rightToLeft =
  /[\u{590}-\u{5FF}\u{7C0}-\u{85F}\u{FB1D}-\u{FB4F}\u{10800}-\u{10CFF}\u{10D40}-\u{10EBF}\u{10F00}-\u{10F2F}\u{10F70}-\u{10FFF}\u{1E800}-\u{1EC6F}\u{1ECC0}-\u{1ECFF}\u{1ED50}-\u{1EDFF}\u{1EF00}-\u{1EFFF}]/u;
const arabicLetter =
  /[\u{600}-\u{7BF}\u{860}-\u{8FF}\u{FB50}-\u{FDCF}\u{FDF0}-\u{FDFF}\u{FE70}-\u{FEFF}\u{10D00}-\u{10D3F}\u{10EC0}-\u{10EFF}\u{10F30}-\u{10F6F}\u{1EC70}-\u{1ECBF}\u{1ED00}-\u{1ED4F}\u{1EE00}-\u{1EEFF}]/u;
const arabicNumber =
  /[\u{600}-\u{605}\u{660}-\u{669}\u{66B}\u{66C}\u{6DD}\u{890}\u{891}\u{8E2}\u{10D30}-\u{10D39}\u{10D40}-\u{10D49}\u{10E60}-\u{10E7E}]/u;
const anyRightToLeft = new RegExp(`${rightToLeft.source}|${arabicLetter.source}`, 'u');
// Letters and marks whose class is not that of their kind.
const neutralLetter =
  /[\u{2B9}\u{2BA}\u{2C6}-\u{2CF}\u{2EC}\u{374}\u{2E2F}\u{A67F}\u{A717}-\u{A71F}\u{A788}]/u;
const leftToRightMark = /[\u{CBF}\u{CC6}\u{11A07}\u{11A08}\u{11C3F}]/u;

/** The Bidi_Class of a character that PRECIS or IDNA2008 admits to an identifier. */
function bidiClass(char: string): BidiClass {
  const cp = char.codePointAt(0) ?? 0;
  if (cp < 0x80) return asciiClass(cp);
  if (arabicNumber.test(char)) return 'AN';
  if (cp >= 0x6f0 && cp <= 0x6f9) return 'EN';
  if (cp === 0x200c || cp === 0x200d) return 'BN';
  if (/[\p{Mn}\p{Me}]/u.test(char)) return leftToRightMark.test(char) ? 'L' : 'NSM';
  if (rightToLeft.test(char)) return 'R';
  if (arabicLetter.test(char)) return 'AL';
  if (neutralLetter.test(char) || /[\p{P}\p{S}]/u.test(char)) {
    return cp === 0xf0b || cp === 0x3007 ? 'L' : 'ON';
  }
  return 'L';
}

function asciiClass(cp: number): BidiClass {
  if ((cp >= 0x61 && cp <= 0x7a) || (cp >= 0x41 && cp <= 0x5a)) return 'L';
  if (cp >= 0x30 && cp <= 0x39) return 'EN';
  if (cp === 0x2b || cp === 0x2d) return 'ES'; // + -
  if (cp >= 0x23 && cp <= 0x25) return 'ET'; // # $ %
  if (cp === 0x2c || cp === 0x2e || cp === 0x2f || cp === 0x3a) return 'CS'; // , . / :
  return 'ON';
}

/** Whether the text holds a character of class R, AL or AN: only then does the Bidi Rule apply (RFC 5893 §1.4). */
export function hasRightToLeft(text: string): boolean {
  if (!anyRightToLeft.test(text)) return false;
  for (const char of text) {
    const kind = bidiClass(char);
    if (kind === 'R' || kind === 'AL' || kind === 'AN') return true;
  }
  return false;
}

const inRightToLeft = new Set<BidiClass>(['R', 'AL', 'AN', 'EN', 'ES', 'CS', 'ET', 'ON', 'BN', 'NSM']);
const inLeftToRight = new Set<BidiClass>(['L', 'EN', 'ES', 'CS', 'ET', 'ON', 'BN', 'NSM']);

/** The six conditions of RFC 5893 §2 on one label (or localpart). */
export function satisfiesBidiRule(label: string): boolean {
  const classes = Array.from(label, bidiClass);
  const last = classes.findLast((kind) => kind !== 'NSM');
  const first = classes[0];
  if (first === 'R' || first === 'AL') {
    return (
      classes.every((kind) => inRightToLeft.has(kind)) && // condition 2
      (last === 'R' || last === 'AL' || last === 'EN' || last === 'AN') && // condition 3
      !(classes.includes('EN') && classes.includes('AN')) // condition 4
    );
  }
  return first === 'L' && classes.every((kind) => inLeftToRight.has(kind)) && (last === 'L' || last === 'EN'); // 1, 5, 6
}
