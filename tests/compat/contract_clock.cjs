// Preloaded by a foreign endpoint (node -r): its clock is the file KFS_CONTRACT_CLOCK, which the contract suite moves.
const fs = require('fs');

const file = fs.openSync(process.env.KFS_CONTRACT_CLOCK, 'r');
const ms = Buffer.alloc(8);
const RealDate = Date;

function now() {
    fs.readSync(file, ms, 0, 8, 0);
    return Number(ms.readBigUInt64LE());
}

global.Date = class Date extends RealDate {
    constructor(...when) {
        super(...(when.length ? when : [now()]));
    }
};
global.Date.now = now;
// What kinesis-local has its time from. The little more is for rounding.
Object.defineProperty(performance, 'timeOrigin', {get: () => now() - performance.now() + 0.01});
