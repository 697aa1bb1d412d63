/**
 * The meshferry command: firmware updates over Bluetooth Mesh from a terminal.
 *
 * ```sh
 * meshferry demo                                                # a whole update of ten simulated nodes
 * meshferry fw inspect dfu_application.zip                      # what is in a package
 * meshferry dfu run dfu_application.zip --bearer sim:targets=10 # send it, have it verified, applied and confirmed
 * ```
 *
 * ## Commands
 *
 * | command | what it does | example |
 * | --- | --- | --- |
 * | `demo` | one whole update of ten simulated nodes; leaves nothing behind | `meshferry demo` |
 * | `fw inspect FILE` | what is in a package (.zip), an MCUboot image (.bin) or an Intel HEX | `meshferry fw inspect app.zip --json` |
 * | `fw verify FILE --key PEM` | hash and signature of every image; several `--key`: by one of them | `meshferry fw verify app.zip --key release.pub.pem` |
 * | `fw make RAW --image-version V --out FILE` | a signed package (.zip), firmware archive (.tar.gz) or image (.bin) with mesh metadata, of a .bin or .hex; RSA, ECDSA and Ed25519 keys | `meshferry fw make zephyr.bin --image-version 1.2.3+4 --out app.zip` |
 * | `fw check URI --fwid HEX` | whether the maker's server has newer firmware; `--chain`: every update to the newest | `meshferry fw check https://fw.example.com/lamp --fwid 59000100000000000000` |
 * | `fw fetch URI --fwid HEX --out F` | fetches it, checked against the offer; `--key` asks for a signature; `--allow-host`, `--max-size`, `--timeout` | `meshferry fw fetch https://fw.example.com/lamp --fwid 59000100000000000000 --out lamp.tar.gz` |
 * | `fw serve DIR` | serves packages as a maker does: https with `--cert` or `--self-signed`, http on this machine | `meshferry fw serve ./releases --port 8443` |
 * | `net create` · `show` | a new network in `--state`; what is in it | `meshferry net create --bearer sim:targets=0,unprovisioned=3 --state ./state` |
 * | `net import FILE` · `export FILE` | a network as a Mesh Configuration Database document, unchanged; `--partial` for a guest | `meshferry net export network.json --state ./state` |
 * | `net adopt` | become a provisioner of an imported network, with an address and sequence numbers of one's own | `meshferry net adopt --bearer … --state ./state` |
 * | `scan` | unprovisioned devices, proxies and subnets in range, live | `meshferry scan --bearer sim:targets=0,unprovisioned=3` |
 * | `provision UUID…` | make nodes of devices; `--recover` and `--give-up` after an interruption | `meshferry provision UUID --name Hall --profile lamp.json …` |
 * | `node list` · `show` · `config` · `reset` · `remove` | look after the nodes; `config` makes them what a profile (JSON) says | `meshferry node config all --profile lamp.json …` |
 * | `keys list` · `add` · `refresh` | NetKeys and AppKeys; new keys for the whole network, as a job that can be resumed | `meshferry keys refresh …` |
 * | `health ADDR` | faults and attention of a node | `meshferry health 0x0002 --attention 10 …` |
 * | `dfu targets` | which nodes can be updated, and what they run | `meshferry dfu targets --bearer sim:targets=10` |
 * | `dfu plan FILE` | dry run: who accepts the image, its effect, the plan, the time | `meshferry dfu plan app.zip --bearer sim:targets=10` |
 * | `dfu run FILE` | the update | `meshferry dfu run app.zip --bearer sim:targets=10,loss=0.1 --state ./state` |
 * | `dfu status` · `suspend` · `resume` · `apply` · `cancel` · `retry` | steer the update in `--state`, at its Distributor too; `retry`: once more for the targets that failed; `cancel --targets A,B`: frees targets that somebody else left in the middle | `meshferry dfu resume --bearer sim:targets=10 --state ./state` |
 * | `decode CAPTURE` | recorded traffic down to named fields; live with `--bearer` | `meshferry decode update.jsonl.gz` |
 * | `capture --out FILE` | what a bearer hears, for `decode` (.jsonl) or Wireshark (.pcap) | `meshferry capture --bearer sim:targets=2 --out update.pcap` |
 * | `device run` | be a device that is provisioned, configured and updated; `--once`: until an image was applied | `meshferry device run --bearer hci:tcp:127.0.0.1:9001 --state ./lamp` |
 * | `smp update FILE` | the whole update of a device with MCUboot over SMP (MCUmgr): upload, test, reset, look what runs, confirm; typed again it goes on; `--plan`, `--mode`; `smp cancel` | `meshferry smp update app_update.bin --bearer serial:/dev/ttyACM0` |
 * | `smp scan` · `info` · `list` | devices with SMP in range; what one tells of itself, and what its slots hold | `meshferry smp list --bearer udp:192.0.2.1:1337` |
 * | `smp upload` · `test` · `confirm` · `erase` · `reset` | the steps of an update by hand | `meshferry smp upload app_update.bin --bearer sim:smp --state ./state` |
 * | `smp fs` · `settings` · `shell` · `echo` · `stat` · `tasks` · `datetime` | everything else that MCUmgr offers | `meshferry smp shell kernel uptime --bearer serial:/dev/ttyACM0` |
 * | `smp explain HEX` | octets as a device reads them, and what is wrong with them | `meshferry smp explain 00 00 00 01 2d 01 00 00` |
 * | `bearer list` | the radios, their URIs, and whether they can be used here | `meshferry bearer list` |
 *
 * Every command has `--help`. `--json` prints newline-delimited JSON, a line of type `result` last; `--log LEVEL` logs to
 * standard error; `--no-color` and `NO_COLOR` are respected.
 *
 * ## Exit codes
 *
 * 0 done · 1 failed · 2 usage or input that cannot be read · 3 some targets or nodes failed · 4 bearer or device not available ·
 * 130 interrupted: with `--state` the update is saved, and the message says how to go on.
 *
 * ## Radios
 *
 * `--bearer URI` names the radio, `meshferry bearer list` those that there are: `hci:` a Bluetooth controller at a serial port,
 * TCP address or UNIX socket, `dongle:` one with the firmware of Meshferry, `noble:` the Bluetooth of this computer (install
 * `@meshferry/bearer-noble` and a package called noble). Given several times, all of them make one node. A radio that cannot
 * advertise reaches the mesh through a proxy; `proxy:hci:…` makes one that can do the same. The bearer of a package of your own is
 * found by its scheme (`meshferry-bearer-SCHEME`), or named with `--bearer-plugin PACKAGE`.
 *
 * The network is kept in `--state` (default: `$XDG_STATE_HOME/meshferry`), whatever the radio. One that goes in the middle is
 * opened again when it is back, for as long as `--reconnect SECONDS` says (default 60); then the command ends with 4 and says how
 * to go on. Two terminals, each with a controller:
 *
 * ```sh
 * meshferry device run --uuid 5d7e4f5e000140028003000000000004 --bearer hci:tcp:127.0.0.1:9001 --state ./lamp
 * ```
 *
 * ```sh
 * export NET='--bearer hci:tcp:127.0.0.1:9000 --state ./state'
 * meshferry net create $NET
 * meshferry scan $NET
 * meshferry provision 5d7e4f5e000140028003000000000004 --profile update.json $NET
 * meshferry dfu run app.zip $NET
 * ```
 *
 * ## Simulated networks
 *
 * `sim:targets=10,loss=0.1,seed=7` is a network of nodes that run the whole stack on a simulated radio; the same seed gives
 * the same run. With `--state DIR` it is found again by the next command with the same URI, as after a power cycle of all
 * nodes; without, it ends with the process. With `lowpower=2,friends=1` the last two targets are Low Power nodes, which a
 * Friend at 0x0010 keeps messages for: they are updated in pull mode. `advertisingPdus` in the result counts the advertising events of all its nodes.
 *
 * ## From devices to an update
 *
 * ```sh
 * export SIM='--bearer sim:targets=0,unprovisioned=3 --state ./state'
 * meshferry net create $SIM
 * meshferry scan $SIM
 * meshferry provision 60b75f40-e327-4982-8cb6-2921cafb9405 --name Hall --profile update.json $SIM
 * meshferry dfu run app.zip --targets 0x0002 $SIM
 * ```
 *
 * with `update.json`, which `meshferry node config --help` explains:
 *
 * ```json
 * { "models": [{ "model": "0x1400", "bind": [0], "subscribe": ["0xC000"] }, { "model": "0x1402", "bind": [0] }] }
 * ```
 *
 * The state folder holds the keys of the network: its files are readable by their owner only, one process uses it at a
 * time, and what is damaged or of a later version is refused and left as it is. A process that is killed loses nothing:
 * no address, key or sequence number is used twice, and a device of which it is not known whether it became a node is
 * named by `node list` with what to type.
 *
 * ## From a program
 *
 * ```ts
 * import { main, processIo } from '@meshferry/cli';
 *
 * process.exitCode = await main(['fw', 'inspect', 'app.zip', '--json'], processIo());
 * ```
 *
 * @packageDocumentation
 */
export { main } from './main.ts';
export { ExitCode } from './shell/exit.ts';
export type { Io, Signals, TextSink } from './shell/io.ts';
export { processIo } from './shell/process-io.ts';
