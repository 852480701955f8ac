// What is to be done when a test is over, whatever else goes wrong then.
'use strict';

const cleanups = new WeakMap();

/**
 * Has something done when the test is over, after everything that was registered before. The test
 * runner would leave out whatever comes after a failure: a browser would stay, and the run with it.
 */
function afterwards(t, cleanup) {
  if (!cleanups.has(t)) {
    cleanups.set(t, []);
    t.after(() => runAll(cleanups.get(t)));
  }
  cleanups.get(t).push(cleanup);
}

async function runAll(cleanups) {
  const failures = [];
  for (const cleanup of cleanups) {
    try {
      await cleanup();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

module.exports = { afterwards };
