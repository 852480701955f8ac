// Client libraries and the files in which tests put them.
'use strict';

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const { allsparkBinary } = require('../interop/server');

/** What `allspark library` writes with these options. */
function library(...options) {
  return execFileSync(allsparkBinary(), ['library', ...options], { encoding: 'utf8' });
}

/** A folder with these files by name, removed with the test. */
function folderOf(t, files) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'allspark-library-'));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    fs.writeFileSync(path.join(folder, name), content);
  }
  return folder;
}

/** A file with this content, removed with the test. */
function fileOf(t, name, content) {
  return path.join(folderOf(t, { [name]: content }), name);
}

module.exports = { fileOf, folderOf, library };
