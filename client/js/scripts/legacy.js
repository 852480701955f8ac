// Compiles the modules of the client for browsers that know ES5 and no more, module by module, into
// `legacy/made`. The server puts them together as it does the others (`client/src/library`), and
// must be built without Node.js, so what is made here is committed; a test makes it again.
//
// `node scripts/legacy.js` writes it. Run it after a change of `src` or `legacy/src`.
//
// Babel brings the syntax down to ES5. What is left is then taken through one more step, `finish`:
// - what is no ES5 but a built-in function or class is asked of `shims.js`;
// - a name at the top level gets its module's name, as all modules share one scope;
// - a name that is in neither ES5 nor the shims is an error.

import { readdir, readFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import babel from '@babel/core';

const folder = (path) => fileURLToPath(new URL(path, import.meta.url));

const SRC = folder('../src/');
const LEGACY = folder('../legacy/src/');
const MADE = folder('../legacy/made/');

// The entries of the npm package, and what is for Node.js.
const LEFT_OUT = /^(index|browser|defaults)\.js$|^node\//;

// Written for old browsers, in place of the module of that path.
const REPLACED = { 'transports/http.js': 'http.js' };

const BANNER =
  '// Made by scripts/legacy.js. Change the module of the same path in `src` instead.\n\n';

const PRESET = {
  configFile: false,
  babelrc: false,
  comments: false,
  assumptions: {
    constantReexports: true,
    constantSuper: true,
    ignoreFunctionLength: true,
    // Whatever else the client iterates over, the shims make lists of it.
    iterableIsArray: true,
    noClassCalls: true,
    noDocumentAll: true,
    noNewArrows: true,
    setClassMethods: true,
    setPublicClassFields: true,
    setSpreadProperties: true,
    superIsCallableConstructor: true,
  },
  presets: [
    [
      '@babel/preset-env',
      { modules: false, forceAllTransforms: true, exclude: ['transform-typeof-symbol'] },
    ],
  ],
  plugins: [openPrivateNames, ['@babel/plugin-external-helpers', { helperVersion: '7.29.0' }]],
};

// Asked of the shims: globals, functions of built-in objects, methods, properties.
const GLOBALS = names(
  'globalThis Map Set WeakMap URL URLSearchParams TextEncoder TextDecoder crypto queueMicrotask ' +
    'BigInt DataView',
);
const STATICS = names(
  'Object.assign Object.entries Object.fromEntries Object.hasOwn Array.from Uint8Array.from ' +
    'ArrayBuffer.isView Number.isFinite Math.sign',
);
const METHODS = names('includes at padStart matchAll');
const PROPERTIES = names('flags origin');

// What else a module may ask of its surroundings: ES5 with typed arrays, and browsers of then.
// `EventSource` is looked for before it is used; so are `Symbol` and `Reflect` by Babel's helpers.
const KNOWN_GLOBALS = names(
  'Array ArrayBuffer Boolean Date Error Infinity JSON Math Number Object RangeError RegExp ' +
    'String TypeError URIError Uint8Array XMLHttpRequest EventSource Symbol arguments atob btoa ' +
    'clearTimeout decodeURI decodeURIComponent encodeURIComponent isFinite setTimeout undefined ' +
    'DataView global self window ReferenceError SyntaxError EvalError isNaN Reflect',
);
const KNOWN_STATICS = names(
  'Array.isArray Array.prototype Date.now Error.prototype JSON.parse JSON.stringify Math.floor ' +
    'Math.max Math.min Math.pow Math.random Math.round Object.create Object.defineProperty ' +
    'Object.getPrototypeOf Object.keys Object.prototype Object.setPrototypeOf ' +
    'Object.getOwnPropertyDescriptor String.fromCharCode Uint8Array.prototype RegExp.prototype ' +
    'Boolean.prototype Reflect.construct Symbol.iterator Symbol.toPrimitive',
);

// Methods of texts and lists that are younger than ES5. (`keys`, `values` and `entries` are also
// those of the shims' maps.)
const ES5_METHODS = names(
  'charAt charCodeAt concat indexOf lastIndexOf localeCompare match replace search slice split ' +
    'substr substring toLowerCase toUpperCase trim toString valueOf constructor length every ' +
    'filter forEach join map pop push reduce reduceRight reverse shift some sort splice unshift ' +
    'keys values entries anchor big blink bold fixed fontcolor fontsize italics link small ' +
    'strike sub sup',
);
const YOUNG_METHODS = new Set(
  [Array.prototype, String.prototype]
    .flatMap((prototype) => Object.getOwnPropertyNames(prototype))
    .filter((name) => !ES5_METHODS.has(name)),
);

function names(text) {
  return new Set(text.split(' '));
}

/** The compiled modules by their paths. */
export async function makeLegacy() {
  const made = new Map();
  const helpers = new Set();
  for (const path of ['shims.js', ...(await modulePaths())]) {
    const isOurs = path === 'shims.js' || path in REPLACED;
    const file = isOurs ? LEGACY + (REPLACED[path] ?? path) : SRC + path;
    const { code } = await babel.transformAsync(await readFile(file, 'utf8'), PRESET);
    made.set(path, finish(code, path, helpers));
  }
  made.set('helpers.js', finish(helpersText(helpers), 'helpers.js', helpers));
  return new Map([...made].map(([path, text]) => [path, BANNER + text]));
}

async function modulePaths() {
  const files = await readdir(SRC, { recursive: true });
  return files.filter((path) => path.endsWith('.js') && !LEFT_OUT.test(path)).sort();
}

/** The text of these helpers and of those that they need themselves. */
function helpersText(helpers) {
  const text = babel.buildExternalHelpers([...helpers].sort(), 'var');
  const mentions = text.matchAll(/babelHelpers(?:\.|\[")(\w+)/g);
  const needed = new Set(Array.from(mentions, ([, name]) => name));
  if (needed.size > helpers.size) return helpersText(needed);
  return text.replace(/^var /, 'export var ').replace(/^babelHelpers;$/m, '');
}

/** `#name` becomes `$name`: a browser without private names needs much text to have such. */
function openPrivateNames({ types: t }) {
  const nameOf = ({ id }) => t.identifier(`$${id.name}`);
  return {
    visitor: {
      Program(program) {
        program.traverse({
          ClassPrivateProperty(at) {
            at.replaceWith(t.classProperty(nameOf(at.node.key), at.node.value));
          },
          ClassPrivateMethod(at) {
            const { kind, key, params, body } = at.node;
            at.replaceWith(t.classMethod(kind, nameOf(key), params, body));
          },
          PrivateName(at) {
            at.replaceWith(nameOf(at.node));
          },
        });
      },
    },
  };
}

/** The second step, for one module. The names of Babel's helpers that it uses are added. */
function finish(code, path, helpers) {
  const asked = new Set();
  const steps = [takeShims(path, asked, helpers), nameByModule(path), splitDeclarations()];
  let text = code;
  for (const step of steps) {
    const options = { configFile: false, babelrc: false, comments: false, plugins: [step] };
    text = babel.transformSync(text, options).code;
  }
  const up = '../'.repeat(path.split('/').length - 1) || './';
  const imports = [...asked].map((name) => `import { ${name} } from '${up}${OWNERS[name]}';\n`);
  const rest = text.replaceAll(/^import (.*) from "(.*)";$/gm, "import $1 from '$2';");
  return `${imports.sort().join('')}${rest}\n`;
}

const OWNERS = { babelHelpers: 'helpers.js', shims: 'shims.js' };

/** Replaces what the shims have, and complains of what nobody has. */
function takeShims(path, asked, helpers) {
  const { types: t } = babel;
  const isShims = path === 'shims.js';
  const isHelpers = path === 'helpers.js';
  const shim = (name) => {
    asked.add('shims');
    return t.memberExpression(t.identifier('shims'), t.identifier(name));
  };
  const unknown = (what) => {
    throw new Error(`${path}: ${what} is neither ES5 nor one of the shims`);
  };
  const isGlobal = (node, scope, name) =>
    t.isIdentifier(node, name && { name }) && !scope.hasBinding(node.name, true);
  return {
    visitor: {
      ReferencedIdentifier(at) {
        const { name } = at.node;
        if (!isGlobal(at.node, at.scope)) return;
        if (name === 'babelHelpers') {
          asked.add(name);
          helpers.add(at.parent.property.name ?? at.parent.property.value);
        } else if (GLOBALS.has(name) && !isShims) at.replaceWith(shim(name));
        else if (!KNOWN_GLOBALS.has(name) && name !== 'shims') unknown(name);
      },
      MemberExpression(at) {
        const { object, property, computed } = at.node;
        if (computed || object.name === 'shims') return;
        const name = `${object.name}.${property.name}`;
        const isStatic = isGlobal(object, at.scope) && /^[A-Z]/.test(object.name);
        if (isStatic && STATICS.has(name)) {
          // Those helpers that know some have something else for who lacks it.
          if (!isShims && !isHelpers) at.replaceWith(shim(name.replace('.', '_')));
        } else if (isStatic && !GLOBALS.has(object.name) && !KNOWN_STATICS.has(name)) {
          unknown(name);
        } else if (PROPERTIES.has(property.name) && !isShims && !isHelpers && isRead(at)) {
          at.replaceWith(t.callExpression(shim(property.name), [object]));
        }
      },
      CallExpression(at) {
        const { callee } = at.node;
        if (!t.isMemberExpression(callee, { computed: false })) return;
        const { name } = callee.property;
        if (t.isIdentifier(callee.object, { name: 'shims' })) return;
        if (METHODS.has(name) && !isShims) {
          at.replaceWith(t.callExpression(shim(name), [callee.object, ...at.node.arguments]));
        } else if (YOUNG_METHODS.has(name)) unknown(`.${name}()`);
      },
    },
  };
}

const isRead = ({ parent, node }) =>
  !(parent.type === 'AssignmentExpression' && parent.left === node);

/** Gives the names at the top level that no other module knows the name of their module. */
function nameByModule(path) {
  const suffix = path.replace(/\.js$/, '').replace(/\W/g, '_');
  return {
    visitor: {
      Program(program) {
        const { scope } = program;
        const exported = new Set(
          program
            .get('body')
            .filter((statement) => statement.isExportNamedDeclaration())
            .flatMap((statement) => Object.keys(statement.getBindingIdentifiers())),
        );
        for (const [name, binding] of Object.entries(scope.bindings)) {
          if (binding.kind !== 'module' && !exported.has(name)) {
            scope.rename(name, `${name}$${suffix}`);
          }
        }
      },
    },
  };
}

/** A declaration at the top level for each name, as `module.rs` wants it. */
function splitDeclarations() {
  const { types: t } = babel;
  const split = (node) =>
    node.declarations.map((one) => t.variableDeclaration(node.kind, [one]));
  return {
    visitor: {
      Program(program) {
        program.node.body = program.node.body.flatMap((statement) => {
          if (t.isVariableDeclaration(statement)) return split(statement);
          if (!t.isVariableDeclaration(statement.declaration)) return statement;
          return split(statement.declaration).map((one) => t.exportNamedDeclaration(one));
        });
      },
    },
  };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const made = await makeLegacy();
  await rm(MADE, { recursive: true, force: true });
  for (const [path, text] of made) {
    await mkdir(dirname(MADE + path), { recursive: true });
    await writeFile(MADE + path, text);
  }
}
