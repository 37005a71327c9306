/** An authority, a broker's certificate for 127.0.0.1 and a client's, made for one test and gone with it. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export type ThrowawayCertificates = {
  readonly caFile: string;
  /** Key and certificate in one, as Kafka reads them. */
  readonly brokerFile: string;
  readonly clientCertificateFile: string;
  readonly clientKeyFile: string;
};

/** @param folder that is removed after the test. Needs `openssl`. */
export function makeCertificates(folder: string): ThrowawayCertificates {
  const path = (name: string): string => join(folder, name);
  const openssl = (text: string): void => {
    execFileSync('openssl', text.split(' '), { cwd: folder, stdio: 'pipe' });
  };
  const newKey = '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes';
  openssl(`req -x509 ${newKey} -keyout ca.key -out ca.pem -days 1 -subj /CN=throwaway`);
  writeFileSync(path('san.cnf'), 'subjectAltName=IP:127.0.0.1\n');
  for (const name of ['broker', 'client']) {
    openssl(`req ${newKey} -keyout ${name}.key -out ${name}.csr -subj /CN=${name}`);
    openssl(
      `x509 -req -in ${name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out ${name}.crt -days 1 -extfile san.cnf`,
    );
  }
  writeFileSync(
    path('broker.pem'),
    readFileSync(path('broker.key'), 'utf8') + readFileSync(path('broker.crt'), 'utf8'),
  );
  return {
    caFile: path('ca.pem'),
    brokerFile: path('broker.pem'),
    clientCertificateFile: path('client.crt'),
    clientKeyFile: path('client.key'),
  };
}
