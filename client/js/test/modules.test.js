// The rules by which the server makes one file out of the modules (see `src/defaults.js`).

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';

const ENTRIES = ['index.js', 'browser.js'];
const folder = new URL('../src/', import.meta.url);
const modules = readdirSync(folder, { recursive: true })
  .filter((name) => name.endsWith('.js') && !ENTRIES.includes(name))
  .map((name) => ({ name, text: readFileSync(new URL(name, folder), 'utf8') }));

const importsOf = ({ name, text }) =>
  [...text.matchAll(/^import \{ [\w, ]+ \} from '(\.[^']+)';$/gm)].map(
    ([, path]) => new URL(path, new URL(name, folder)).href,
  );

test('imports and exports have the one form that needs no bundler', () => {
  for (const { name, text } of modules) {
    for (const [line] of text.matchAll(/^(import|export)\b.*$/gm)) {
      const form = /^(import \{ [\w, ]+ \} from '\.\S+';|export (class|function|const) \w+.*)$/;
      assert.match(line, form, name);
    }
    assert.doesNotMatch(text, /\b(require|import)\(/, name);
  }
});

test('a name at the top level belongs to one module', () => {
  const owners = new Map();
  for (const { name, text } of modules) {
    const declared = /^(?:export )?(?:class|(?:async )?function\*?|const|let) (\w+)/gm;
    for (const [, declaration] of text.matchAll(declared)) {
      const taken = owners.get(declaration);
      assert.equal(taken, undefined, `${declaration} is in ${name} and in ${taken}`);
      owners.set(declaration, name);
    }
  }
});

test('modules do not import each other in a circle', () => {
  const graph = new Map(modules.map((each) => [new URL(each.name, folder).href, importsOf(each)]));
  const visit = (href, path) => {
    assert.ok(!path.includes(href), [...path, href].join(' -> '));
    for (const next of graph.get(href)) visit(next, [...path, href]);
  };
  for (const href of graph.keys()) visit(href, []);
});
