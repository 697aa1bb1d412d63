import { type PublicKey, parsePublicKey } from './public-key.ts';

/** Public halves of MCUboot's sample keys (mcu-tools/mcuboot, `root-*.pem`, Apache-2.0) and of our own demo key. */
const SAMPLES: Record<string, string> = {
  'root-ec-p256': `
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEKstAPOj+7VukSZWhqR2u6Nu+GTfN
FPsvJFc35ZU5iNmUudZa69fN1TCK1v5IskpqgQ7l8H2LaDTMOmr8U476wQ==`,
  'root-ed25519': 'MCowBQYDK2VwAyEA1LMbpJo63T+CXRDKfzG1Cw3ofzfMxJ8aQDpcEyD/tOA=',
  'root-rsa-2048': `
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA0QYIGhhELBjo+/33DaNP
H7vuXvmq0ksY01rpbRiAGfnwnDQby/O8dNtC54x/EFN+Q14NVyxE0WcIDw27XO7s
s5nf4E2EC6p3QWDtFShJpwG0PBDmaYwvX6xBTZ5cFN/y+M89Hm/nW7q0qciIfkc8
lMN3Z1RLqo04NcpiYX634RXbd3PUvntyIYlpJPv4ZW5kPsgO14XVXErkUw0v/7f9
8xM5gz+jrtIPp2qd+f64zvoqvq+44PqCN1T0PuEr0NMIWBj2XkzIiIExrV+wghfy
imknI/Orhz6TGh3+6PgaJGZZ+Byr3M5oG2ZkNez6DRGdr1w6p9FnxkfvsUssYuHR
yQIDAQAB`,
  'meshferry-demo': `
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE3/btELWhftkrwPlDRZ8DfGOfqAsB
zs7xU+bkT4wvilGuU7+72v+SYHusrU891a5y+0gXrJeaCG8wK34tw0sv9g==`,
};

/**
 * Public keys whose private halves everybody can have: MCUboot's samples `root-ec-p256`, `root-ed25519`,
 * `root-rsa-2048`, and `meshferry-demo` which `makeFirmware` signs with by default. A device that accepts images signed
 * by one of them is a development device [spec: mcuboot-image section 3].
 */
export const SAMPLE_KEYS: readonly PublicKey[] = Object.entries(SAMPLES).map(([name, base64]) => {
  const key = parsePublicKey(`-----BEGIN PUBLIC KEY-----\n${base64.trim()}\n-----END PUBLIC KEY-----`, name);
  if (!key.ok) throw key.error;
  return key.value;
});
