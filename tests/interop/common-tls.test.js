// What every transformer owes to a Primus client it owes over TLS, too.
'use strict';

process.env.ALLSPARK_TLS = '1';
require('./common.test.js');
