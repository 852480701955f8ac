// The client halves of AllSpark's plugins stand in libraries for old browsers, too, and in classes
// that `createSocket` makes.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { parseSync, traverse } from '@babel/core';

import { Primus } from '../src/index.js';
import { plugins } from '../scripts/plugins.js';

// Of what came after ECMAScript 5: whatever has a kind of node of its own.
const LATER = new Set([
  'ArrowFunctionExpression',
  'AwaitExpression',
  'ClassDeclaration',
  'ClassExpression',
  'ForOfStatement',
  'ObjectPattern',
  'ArrayPattern',
  'AssignmentPattern',
  'OptionalCallExpression',
  'OptionalMemberExpression',
  'RestElement',
  'SpreadElement',
  'TaggedTemplateExpression',
  'TemplateLiteral',
  'YieldExpression',
]);

const laterThanEs5 = ({ node }) =>
  LATER.has(node.type) ||
  (node.type === 'VariableDeclaration' && node.kind !== 'var') ||
  ((node.type === 'ObjectMethod' || node.type === 'ObjectProperty') &&
    (node.shorthand || node.computed || node.kind === 'method')) ||
  (/^(Logical|Assignment)Expression$/.test(node.type) && /\?\?/.test(node.operator)) ||
  (node.type === 'BinaryExpression' && node.operator === '**');

// Where and what.
const findLater = (source) => {
  const found = [];
  const options = { configFile: false, babelrc: false, sourceType: 'script' };
  traverse(parseSync(`(${source}\n)`, options), {
    enter(path) {
      if (laterThanEs5(path)) found.push(`${path.node.type} in line ${path.node.loc.start.line}`);
    },
  });
  return found;
};

test('what old browsers do not know is found', () => {
  for (const text of ['() => 1', '`a`', 'let a;', '({ a })', 'f(...a);', 'a ?? b;', 'a?.b;']) {
    assert.notDeepEqual(findLater(`function client() {${text}}`), [], text);
  }
  assert.deepEqual(findLater('function client(a) { var b = { c: a || 1 }; return b; }'), []);
});

test('each client half is a function that old browsers know', async () => {
  for (const { name, source } of await plugins()) {
    assert.deepEqual(findLater(source), [], name);
    const client = new Function(`return (${source}\n);`)();
    assert.equal(typeof client, 'function', name);
    const Socket = Primus.createSocket({ plugin: { [name]: { client } } });
    assert.equal(typeof Socket.prototype.ark[name], 'function', name);
  }
});
