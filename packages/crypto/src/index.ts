/**
 * The Bluetooth Mesh security toolbox: s1, s2, k1 to k5, AES-CMAC, AES-CCM, identities and virtual addresses.
 *
 * @packageDocumentation
 */
export {};
