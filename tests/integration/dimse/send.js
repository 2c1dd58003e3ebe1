// SPDX-License-Identifier: Apache-2.0
//
// node send.js PORT FILE...: sends the files to 127.0.0.1 in one association; prints how many were taken, and what was
// not. Ends with 1 where anything was not.
'use strict';

const { Client, requests, constants } = require('dcmjs-dimse');

const [port, ...files] = process.argv.slice(2);
const client = new Client();
let taken = 0;
const troubles = [];

for (const file of files) {
  const request = new requests.CStoreRequest(file);
  request.on('response', (response) => {
    if (response.getStatus() === constants.Status.Success) taken += 1;
    else troubles.push(`${file}: status 0x${response.getStatus().toString(16)}`);
  });
  client.addRequest(request);
}
client.on('networkError', (error) => troubles.push(`network: ${error.message}`));
client.on('associationRejected', () => troubles.push('the association was rejected'));
client.on('closed', () => {
  console.log(`taken ${taken} of ${files.length}`);
  for (const trouble of troubles) console.log(trouble);
  process.exitCode = taken === files.length ? 0 : 1;
});
client.send('127.0.0.1', Number(port), 'SENDER', 'ORTHANC');
