/**
 * A USB dongle with the open Meshferry firmware as a bearer: PB-ADV and mesh advertising with exact times at the antenna, a
 * queue of PDUs on the dongle, a report of every transmission, and time and channel of everything heard. The firmware and the
 * protocol (`firmware/PROTOCOL.md`) are part of the package.
 *
 * @packageDocumentation
 */
export {};
