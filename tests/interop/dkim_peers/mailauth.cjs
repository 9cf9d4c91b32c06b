// mailauth of npm. The same job as python3_dkim.py; node finds the package by NODE_PATH.
const fs = require('fs');
const { arc } = require('mailauth/lib/arc');
const { dkimSign } = require('mailauth/lib/dkim/sign');
const { dkimVerify } = require('mailauth/lib/dkim/verify');

async function verify(content, records, chain) {
    const resolver = async name => {
        const text = records[name.replace(/\.$/, '')];
        if (text) return [[text]];
        throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
    };
    const dkim = await dkimVerify(content, { resolver });
    const found = chain ? await arc(dkim.arc, { resolver }) : dkim.results[0];
    return { valid: found.status.result === 'pass', why: `${found.status.result} ${found.status.comment || ''}` };
}

async function sign(content, job) {
    const made = await dkimSign(content, {
        canonicalization: job.canonical,
        algorithm: job.algorithm,
        signatureData: [{ signingDomain: job.domain, selector: job.selector, privateKey: fs.readFileSync(job.key),
                          algorithm: job.algorithm, canonicalization: job.canonical }]
    });
    if (made.errors.length) throw new Error(JSON.stringify(made.errors));
    return { field: made.signatures.replace(/\r?\n/g, '\r\n') };
}

(async () => {
    const job = JSON.parse(fs.readFileSync(0));
    const results = [];
    for (const name of job.files) {
        const content = fs.readFileSync(name);
        results.push(job.key ? await sign(content, job) : await verify(content, job.records, job.arc));
    }
    process.stdout.write(JSON.stringify(results));
})();
