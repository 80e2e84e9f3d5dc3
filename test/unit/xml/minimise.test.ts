import assert from 'node:assert/strict';
import { test } from 'node:test';
import { minimise, pieces, withoutElements } from '../../tools/fuzz/minimise.js';

test('a failing list and a failing text are made as small as they can be', async () => {
  const numbers = Array.from({ length: 100 }, (_, n) => n);
  const small = await minimise(numbers, (part) => part.includes(17) && part.includes(80));
  assert.deepEqual(small, [17, 80]);
  const text = "<iq id='1'><a/><b><c d='<'>x</c><e/></b><f>y</f></iq>";
  assert.equal(
    await withoutElements(text, async (part) => part.includes('<e/>')),
    "<iq id='1'><b><e/></b></iq>",
  );
  assert.equal(pieces(text).join(''), text);
  const parts = await minimise(pieces("<iq type='get' id='7'><query xmlns='urn:x'/></iq>"), (part) =>
    part.join('').includes("id='7'"),
  );
  assert.equal(parts.join(''), " id='7'");
});
