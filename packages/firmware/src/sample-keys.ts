import { type PublicKey, parsePublicKey } from './public-key.ts';

/** Public halves of MCUboot's sample keys (mcu-tools/mcuboot, `root-*.pem`, Apache-2.0) and of our own demo key. */
const SAMPLES: Record<string, string> = {
  'root-ec-p256': `
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEKstAPOj+7VukSZWhqR2u6Nu+GTfN
FPsvJFc35ZU5iNmUudZa69fN1TCK1v5IskpqgQ7l8H2LaDTMOmr8U476wQ==`,
  'root-ec-p384': `
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEDHbKrnI6pejw1PEWtQLvd6Ebk2F4wAkm
eztAnO5JheDJT+fyupds84JlFCz1DHMzTTLnm9NCzJVa5eL19G5F4O0gNVyvUjWB
1Nyc454iPvs/IhDacAM3rajySP46YGml`,
  'root-ed25519': 'MCowBQYDK2VwAyEA1LMbpJo63T+CXRDKfzG1Cw3ofzfMxJ8aQDpcEyD/tOA=',
  'root-rsa-2048': `
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA0QYIGhhELBjo+/33DaNP
H7vuXvmq0ksY01rpbRiAGfnwnDQby/O8dNtC54x/EFN+Q14NVyxE0WcIDw27XO7s
s5nf4E2EC6p3QWDtFShJpwG0PBDmaYwvX6xBTZ5cFN/y+M89Hm/nW7q0qciIfkc8
lMN3Z1RLqo04NcpiYX634RXbd3PUvntyIYlpJPv4ZW5kPsgO14XVXErkUw0v/7f9
8xM5gz+jrtIPp2qd+f64zvoqvq+44PqCN1T0PuEr0NMIWBj2XkzIiIExrV+wghfy
imknI/Orhz6TGh3+6PgaJGZZ+Byr3M5oG2ZkNez6DRGdr1w6p9FnxkfvsUssYuHR
yQIDAQAB`,
  'root-rsa-3072': `
MIIBojANBgkqhkiG9w0BAQEFAAOCAY8AMIIBigKCAYEAtCwOmFgQpKdYmXwB3Qgq
KDQz+JYaNCBdRchxJiXl0pbqe7EVqqaKYyKLLU6Bc79uFWiMGvTvKo+MIp5xV0ve
D35y03q4px1ErYcAg1z9cwVyRj+L+RAA2G7Mhe35Sdt4NoBJOHbdX1QE2ow0pysT
JW/RFU+twuGl0k5XDH6cm7pOaLLgJQKqANO0zC945b5HZx/IbiJsXmG2ms3lqLp6
gBMbFy6W7c+zm+Qc6K2n9jpRZl6ZjofuYCX4jb7OpKjKk2zXv9RzM41EhcxzMAic
TbKqWmxve6u3s3zD++fKxPiab8u7W4LneugZ/S8RIvt/doxrlKQJT6Vqd1Hrp37a
hwbu3L7R6hpAHRv/GrFRfBKw8/aDAZznDJm/rGhYcqSwWYXuhawqIvTPFQiAHw3Q
HqCglMj3+mXdUuiWNyMwVzbmnfQMSgV1H60ByrdtjEN0BgqB8wFi//f1X6/nKw74
gbVl3QHZnwcXihjPI26IZZG1e9OwLa+TZmN0rFrmc947AgMBAAE=`,
  'meshferry-demo': `
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE3/btELWhftkrwPlDRZ8DfGOfqAsB
zs7xU+bkT4wvilGuU7+72v+SYHusrU891a5y+0gXrJeaCG8wK34tw0sv9g==`,
};

/**
 * Public keys whose private halves everybody can have: MCUboot's samples `root-ec-p256`, `root-ec-p384`,
 * `root-ed25519`, `root-rsa-2048` and `root-rsa-3072`, and `meshferry-demo` which `makeFirmware` signs with by default. A device that accepts images signed
 * by one of them is a development device [spec: mcuboot-image section 3].
 */
export const SAMPLE_KEYS: readonly PublicKey[] = Object.entries(SAMPLES).map(([name, base64]) => {
  const key = parsePublicKey(`-----BEGIN PUBLIC KEY-----\n${base64.trim()}\n-----END PUBLIC KEY-----`, name);
  if (!key.ok) throw key.error;
  return key.value;
});
