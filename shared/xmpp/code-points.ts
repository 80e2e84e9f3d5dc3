/**
 * Properties of code points that RFC 8264 (PRECIS), RFC 5892 (IDNA2008) and RFC 5893 (Bidi) decide by.
 * Most come from the Unicode properties of the JavaScript engine; the few that ECMAScript does not expose
 * (Joining_Type, the viramas, Bidi_Class) are kept here as ranges for the code points those RFCs can meet.
 */

/** What a string class makes of a code point (RFC 8264 §8, without the letters of its string class). */
type DerivedProperty = 'PVALID' | 'FREE_PVAL' | 'CONTEXTJ' | 'CONTEXTO' | 'DISALLOWED' | 'UNASSIGNED';

/** RFC 5892 §2.6, used by PRECIS too (RFC 8264 §9.6). */
const exceptions: ReadonlyMap<number, DerivedProperty> = new Map([
  ...codePoints('df 3c2 6fd 6fe f0b 3007').map((cp) => [cp, 'PVALID'] as const),
  ...codePoints('b7 375 5f3 5f4 30fb').map((cp) => [cp, 'CONTEXTO'] as const),
  ...codePoints('660-669 6f0-6f9').map((cp) => [cp, 'CONTEXTO'] as const),
  ...codePoints('640 7fa 302e 302f 3031-3035 303b').map((cp) => [cp, 'DISALLOWED'] as const),
]);

const unassigned = /^\p{Cn}$/u;
const noncharacter = /^\p{Noncharacter_Code_Point}$/u;
const oldHangulJamo = /^[\u{1100}-\u{11FF}\u{A960}-\u{A97C}\u{D7B0}-\u{D7C6}\u{D7CB}-\u{D7FB}]$/u;
const ignorable = /^[\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]$/u;
const control = /^\p{Cc}$/u;
const letterDigit = /^[\p{Ll}\p{Lu}\p{Lo}\p{Nd}\p{Lm}\p{Mn}\p{Mc}]$/u;
const freeform = /^[\p{Lt}\p{Nl}\p{No}\p{Me}\p{Zs}\p{S}\p{P}]$/u;

/** The derived property of a code point for PRECIS, in the order of tests that RFC 8264 §8 fixes. */
export function precisProperty(cp: number): DerivedProperty {
  const exception = exceptions.get(cp);
  if (exception !== undefined) return exception;
  const char = String.fromCodePoint(cp);
  if (unassigned.test(char) && !noncharacter.test(char)) return 'UNASSIGNED';
  if (cp >= 0x21 && cp <= 0x7e) return 'PVALID';
  if (cp === 0x200c || cp === 0x200d) return 'CONTEXTJ';
  if (oldHangulJamo.test(char) || ignorable.test(char) || control.test(char)) return 'DISALLOWED';
  if (char.normalize('NFKC') !== char) return 'FREE_PVAL';
  if (letterDigit.test(char)) return 'PVALID';
  return freeform.test(char) ? 'FREE_PVAL' : 'DISALLOWED';
}

const unstable = /^\p{Changes_When_NFKC_Casefolded}$/u;
// IgnorableProperties and IgnorableBlocks (RFC 5892 §2.3, §2.4).
const idnaIgnorable = /^[\p{Default_Ignorable_Code_Point}\p{White_Space}\p{Noncharacter_Code_Point}]$/u;
const ignorableBlock = (cp: number) => (cp >= 0x20d0 && cp <= 0x20ff) || (cp >= 0x1d100 && cp <= 0x1d24f);

/** The derived property of a code point for IDNA2008 (RFC 5892 §3): never `FREE_PVAL`. */
export function idnaProperty(cp: number): DerivedProperty {
  const exception = exceptions.get(cp);
  if (exception !== undefined) return exception;
  const char = String.fromCodePoint(cp);
  if (unassigned.test(char) && !noncharacter.test(char)) return 'UNASSIGNED';
  if (cp < 0x80) return /^[-0-9a-z]$/.test(char) ? 'PVALID' : 'DISALLOWED';
  if (cp === 0x200c || cp === 0x200d) return 'CONTEXTJ';
  if (unstable.test(char) || idnaIgnorable.test(char) || ignorableBlock(cp) || oldHangulJamo.test(char)) {
    return 'DISALLOWED';
  }
  return letterDigit.test(char) ? 'PVALID' : 'DISALLOWED';
}

/** Code points of canonical combining class 9 (Virama). */
const virama = new Set(
  codePoints(
    '94d 9cd a4d acd b4d bcd c4d ccd d3b d3c d4d dca e3a eba f84 1039 103a 1714 1715 1734 17d2 1a60 1b44 1baa ' +
      '1bab 1bf2 1bf3 2d7f a806 a82c a8c4 a953 a9c0 aaf6 abed 10a3f 11046 11070 1107f 110b9 11133 11134 111c0 ' +
      '11235 112ea 1134d 113ce-113d0 11442 114c2 115bf 1163f 116b6 1172b 11839 1193d 1193e 119e0 11a34 11a47 ' +
      '11a99 11c3f 11d44 11d45 11d97 11f41 11f42 1612f',
  ),
);

/** Joining_Type=D (Dual_Joining). */
const dualJoining = new Set(
  codePoints(
    '620 626 628 62a-62e 633-63f 641-647 649-64a 66e-66f 678-687 69a-6bf 6c1-6c2 6cc 6ce 6d0-6d1 6fa-6fc 6ff ' +
      '712-714 71a-71d 71f-727 729 72b 72d-72e 74e-758 75c-76a 76d-770 772 775-777 77a-77f 7ca-7ea 841-845 848 ' +
      '84a-853 855 860 862-865 868 886 889-88d 8a0-8a9 8af-8b0 8b3-8b8 8ba-8c8 1807 1820-1878 1887-18a8 18aa ' +
      'a840-a871 10ac0-10ac4 10ad3-10ad6 10ad8-10adc 10ade-10ae0 10aeb-10aee 10b80 10b82 10b86-10b88 10b8a-10b8b ' +
      '10b8d 10b90 10bad-10bae 10d01-10d21 10d23 10ec3-10ec4 10f30-10f32 10f34-10f44 10f51-10f53 10f70-10f73 10f76-10f81 ' +
      '10fb0 10fb2-10fb3 10fb8 10fbb-10fbc 10fbe-10fbf 10fc1 10fc4 10fca 1e900-1e943',
  ),
);
/** Joining_Type=L (Left_Joining). */
const leftJoining = new Set(codePoints('a872 10acd 10ad7 10d00 10fcb'));
/** Joining_Type=R (Right_Joining). */
const rightJoining = new Set(
  codePoints(
    '622-625 627 629 62f-632 648 671-673 675-677 688-699 6c0 6c3-6cb 6cd 6cf 6d2-6d3 6d5 6ee-6ef 710 715-719 71e ' +
      '728 72a 72c 72f 74d 759-75b 76b-76c 771 773-774 778-779 840 846-847 849 854 856-858 867 869-86a 870-882 ' +
      '88e 8aa-8ac 8ae 8b1-8b2 8b9 10ac5 10ac7 10ac9-10aca 10ace-10ad2 10add 10ae1 10ae4 10aef 10b81 10b83-10b85 ' +
      '10b89 10b8c 10b8e-10b8f 10b91 10ba9-10bac 10d22 10ec2 10f33 10f54 10f74-10f75 10fb4-10fb6 10fb9-10fba 10fbd ' +
      '10fc2-10fc3 10fc9',
  ),
);
/** Joining_Type=T is derived from the general category (DerivedJoiningType.txt), but for the joiners themselves. */
const transparent = /^[\p{Mn}\p{Me}\u{AD}\u{61C}\u{70F}\u{1E94B}]$/u;

/**
 * Whether the code point at `index` stands where its contextual rule allows it (RFC 5892 appendix A). A code point
 * without a rule is refused.
 */
export function contextAllows(string: readonly number[], index: number): boolean {
  const cp = string[index];
  const before = string[index - 1];
  const after = string[index + 1];
  if (cp === undefined) return false;
  if (cp === 0x200c) return (before !== undefined && virama.has(before)) || joins(string, index); // A.1
  if (cp === 0x200d) return before !== undefined && virama.has(before); // A.2
  if (cp === 0xb7) return before === 0x6c && after === 0x6c; // A.3
  if (cp === 0x375) return after !== undefined && /\p{Script=Greek}/u.test(String.fromCodePoint(after)); // A.4
  // A.5, A.6
  if (cp === 0x5f3 || cp === 0x5f4) {
    return before !== undefined && /\p{Script=Hebrew}/u.test(String.fromCodePoint(before));
  }
  // A.7
  if (cp === 0x30fb) {
    return string.some((other) =>
      /[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}]/u.test(String.fromCodePoint(other)),
    );
  }
  if (cp >= 0x660 && cp <= 0x669) return !string.some((other) => other >= 0x6f0 && other <= 0x6f9); // A.8
  if (cp >= 0x6f0 && cp <= 0x6f9) return !string.some((other) => other >= 0x660 && other <= 0x669); // A.9
  return false;
}

/** RFC 5892 A.1: (Joining_Type:{L,D})(Joining_Type:T)* ZWNJ (Joining_Type:T)*(Joining_Type:{R,D}). */
function joins(string: readonly number[], index: number): boolean {
  const left = beyondTransparent(string, index, -1);
  const right = beyondTransparent(string, index, 1);
  return (
    left !== undefined &&
    right !== undefined &&
    (leftJoining.has(left) || dualJoining.has(left)) &&
    (rightJoining.has(right) || dualJoining.has(right))
  );
}

function beyondTransparent(string: readonly number[], index: number, step: 1 | -1): number | undefined {
  for (let i = index + step; ; i += step) {
    const cp = string[i];
    if (cp === undefined || !transparent.test(String.fromCodePoint(cp))) return cp;
  }
}

function codePoints(ranges: string): number[] {
  return ranges.split(' ').flatMap((range) => {
    const [first = '', last = first] = range.split('-');
    const start = Number.parseInt(first, 16);
    return Array.from({ length: Number.parseInt(last, 16) - start + 1 }, (_, i) => start + i);
  });
}
