import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  Atom,
  listOf,
  parseErlangTerms,
  properties,
  Tuple,
  tagged,
  textOfTerm,
} from '../../../shared/portable/erlang.js';
import {
  LuaTable,
  type LuaValue,
  luaText,
  parseLuaFile,
  parseLuaList,
  writeLua,
} from '../../../shared/portable/lua.js';

const lua = (text: string): LuaValue => parseLuaFile(Buffer.from(text, 'latin1'));
const erlang = (text: string) => [...parseErlangTerms(Buffer.from(text))];

describe('constants of Lua, as Prosody writes them', () => {
  test('every kind of value', () => {
    const table = lua(
      `return {
  -- a comment
  ["text"] = "\\195\\188 \\"q\\" \\\\ \\n\\065";
  ['single'] = 'it\\'s';
  name = true, [false] = { 1; 2.5, -3e2; 0x10 }, ["none"] = nil;
  "first"; { };
};`,
    );
    assert.ok(table instanceof LuaTable);
    assert.equal(table.text('text'), 'ü "q" \\ \nA');
    assert.equal(table.text('single'), "it's");
    assert.equal(table.flag('name'), true);
    const meta = table.get(false);
    assert.ok(meta instanceof LuaTable);
    assert.deepEqual(meta.items(), [1, 2.5, -300, 16]);
    assert.ok(!table.entries.has('none'));
    assert.equal(table.items().length, 2);
    assert.equal(table.items()[0], 'first');
  });

  test('lists', () => {
    const list = parseLuaList(Buffer.from('item({ ["key"] = "one"; });\n\nitem({ ["key"] = "two"; });\n'));
    assert.deepEqual(
      list.map((item) => item.text('key')),
      ['one', 'two'],
    );
    assert.deepEqual(parseLuaList(Buffer.alloc(0)), []);
  });

  test('what is written is read again as it was', () => {
    const nested = LuaTable.of({
      [luaText('schlüssel"\\\n')]: luaText('wert \u0000\u0007 é 👋'),
      list: LuaTable.list(['a', 2, true, new LuaTable()]),
      number: -1.5,
    });
    nested.entries.set(false, LuaTable.of({ version: 1 }));
    const text = writeLua(nested);
    assert.match(text, /^[\n\t -~]*$/, 'ASCII');
    assert.deepEqual(lua(`return ${text};`), nested);
  });

  test('anything that is no constant is refused', () => {
    for (const text of [
      'return os.execute("x")',
      'return { f() }',
      'return { "open }',
      'return { [{}] = 1 }',
      'return 1 + 1',
      'print(1) return {}',
      'return nil',
      `return ${'{'.repeat(300)}${'}'.repeat(300)}`,
    ])
      assert.throws(() => lua(text), SyntaxError, text);
    assert.throws(() => parseLuaList(Buffer.from('item({}) os.exit()')), SyntaxError);
  });
});

describe('terms of Erlang, as ejabberd dumps them', () => {
  test('every kind of term', () => {
    const [term, last] = erlang(
      `{muc_room,{<<"orch\\"ard">>,<<195,188>>},[{a,-1},{'B c',1.5e3},{s,"té"},{p,<0.1.0>},{m,#{x => 1}},{e,<<>>},{u,<<"\\x{fc}"/utf8>>}]}.
% a comment
[].`,
    );
    const [id, options] = tagged(term, 'muc_room') ?? [];
    assert.ok(id instanceof Tuple);
    assert.deepEqual(id.parts.map(textOfTerm), ['orch"ard', 'ü']);
    const found = properties(options);
    assert.equal(found.get('a'), -1);
    assert.equal(found.get('B c'), 1500);
    assert.equal(found.get('p'), null);
    assert.equal(found.get('m'), null);
    assert.equal(textOfTerm(found.get('e')), '');
    assert.equal(textOfTerm(found.get('u')), 'ü');
    assert.deepEqual(last, []);
    assert.deepEqual(listOf(new Atom('x')), []);
    assert.equal(tagged(term, 'other'), undefined);
  });

  test('what is broken is refused', () => {
    for (const text of ['{a', '{a}', '[a,].', '<<300', '"open', `${'['.repeat(600)}`, 'X.'])
      assert.throws(() => erlang(text), SyntaxError, text);
  });
});
