// The HEALTHCHECK of the image: ends with 0 if the front in this container is ready, else with 1, and says what is missing.
import http from 'node:http';
import https from 'node:https';

const { PORT, TLS_CERT } = process.env;
const ANSWER_WITHIN_MS = 5_000;

const { get } = TLS_CERT ? https : http;
const fail = (reason) => {
  console.log(reason);
  process.exit(1);
};

get(
  // The certificate names the service, not this address; nothing is told to who answers.
  { host: '127.0.0.1', port: PORT || 8080, path: '/readyz', rejectUnauthorized: false },
  async (answer) => {
    const body = await answer.setEncoding('utf8').toArray();
    if (answer.statusCode !== 200) fail(`${answer.statusCode} ${body.join('')}`);
    process.exit(0);
  },
).on('error', ({ message }) => fail(message));
setTimeout(fail, ANSWER_WITHIN_MS, `no answer within ${ANSWER_WITHIN_MS / 1_000} s`);
