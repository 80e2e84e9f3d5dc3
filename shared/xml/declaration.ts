// XML §2.8, productions 23 to 26, 32 and 80.
const S = '[ \\t\\r\\n]';
const DECLARATION_SYNTAX = new RegExp(
  `^<\\?xml${S}+version${S}*=${S}*(?:'(1\\.[0-9]+)'|"(1\\.[0-9]+)")` +
    `(?:${S}+encoding${S}*=${S}*(?:'([A-Za-z][A-Za-z0-9._-]*)'|"([A-Za-z][A-Za-z0-9._-]*)"))?` +
    `(?:${S}+standalone${S}*=${S}*(?:'(?:yes|no)'|"(?:yes|no)"))?${S}*\\?>$`,
);

/** The stream error an XML declaration deserves, or ''. */
export function declarationProblem(declaration: string): string {
  // RFC 6120 §11.1: any other processing instruction.
  if (!/^<\?xml(?:[ \t\r\n]|\?>)/.test(declaration)) return 'restricted-xml';
  const syntax = DECLARATION_SYNTAX.exec(declaration);
  if (syntax === null) return 'not-well-formed';
  // RFC 6120 §11.8: XMPP is defined in terms of XML 1.0 only; another 1.x is well-formed, but cannot be processed.
  if ((syntax[1] ?? syntax[2]) !== '1.0') return 'bad-format';
  const encoding = syntax[3] ?? syntax[4];
  if (encoding !== undefined && encoding.toLowerCase() !== 'utf-8') return 'unsupported-encoding';
  // §11.5 lets a standalone declaration be ignored.
  return '';
}
