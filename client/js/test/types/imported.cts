// `import` in a CommonJS file gives the class, too.

import Primus from 'allspark-client';

const primus: Primus = new Primus('http://localhost', { manual: true });
primus.on('open', () => primus.write('hello'));
