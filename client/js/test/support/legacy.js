// `node --import` of this has the tests that follow test what is made for old browsers: each module
// of `src` is that of `legacy/made`, but for those that a page does not have.

import { register } from 'node:module';

const HOOKS = `
const SRC = '/client/js/src/';
const MADE = '/client/js/legacy/made/';
const STAYS = /[/](index|browser|defaults)[.]js$|[/]node[/]/;

export async function resolve(name, context, next) {
  const url = /^[.]/.test(name) && context.parentURL && new URL(name, context.parentURL).href;
  if (!url || !(url.includes(SRC) || url.includes(MADE))) return next(name, context);
  const found = STAYS.test(url) ? url.replace(MADE, SRC) : url.replace(SRC, MADE);
  return { url: found, format: 'module', shortCircuit: true };
}
`;

register(`data:text/javascript,${encodeURIComponent(HOOKS)}`);
