import assert from 'node:assert/strict';
import { test } from 'node:test';
import { vcardTempOf } from '../../../shared/portable/vcard4.js';
import { Stanza } from '../../../shared/xml/stanza.js';

test('a vCard4 becomes a vcard-temp, with the avatar as its photo', () => {
  const vcard4 = Stanza.parse(
    `<vcard xmlns='urn:ietf:params:xml:ns:vcard-4.0'><fn><text>Juliet</text></fn>
<n><surname>Capulet</surname><given>Juliet</given><additional/></n><nickname><text>Jule</text></nickname>
<tel><parameters><type><text>work</text></type></parameters><uri>tel:+1-303</uri></tel>
<email><parameters><type><text>home</text></type></parameters><text>j@example.net</text></email>
<adr><street>Via 1</street><country>Italy</country></adr><org><text>House</text></org>
<url><uri>https://example.net/</uri></url><unknown><text>x</text></unknown></vcard>`,
  ).element;
  assert.equal(
    vcardTempOf(vcard4, { type: 'image/png', base64: 'AAAA' }).toString(),
    '<vCard xmlns="vcard-temp"><FN>Juliet</FN><N><FAMILY>Capulet</FAMILY><GIVEN>Juliet</GIVEN></N><NICKNAME>Jule</NICKNAME>' +
      '<TEL><NUMBER>+1-303</NUMBER><WORK/></TEL><EMAIL><USERID>j@example.net</USERID><HOME/></EMAIL>' +
      '<ADR><STREET>Via 1</STREET><CTRY>Italy</CTRY></ADR><ORG><ORGNAME>House</ORGNAME></ORG>' +
      '<URL>https://example.net/</URL><PHOTO><TYPE>image/png</TYPE><BINVAL>AAAA</BINVAL></PHOTO></vCard>',
  );
  assert.equal(vcardTempOf(undefined).toString(), '<vCard xmlns="vcard-temp"/>');
});
