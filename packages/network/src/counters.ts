/** What has passed through a node since it started. */
export interface NetworkCounters {
  /** Network PDUs that this node originated. */
  sent: number;
  /** Authenticated Network PDUs, each message once, whoever they are for. */
  received: number;
  relayed: number;
  /** Sent on to other subnets, once for each. */
  bridged: number;
  /** Relayed or bridged no more because too many wait already. */
  relayDropped: number;
  /** Copies: the same octets, a message that came by another way before, an own one that relays send back. */
  duplicates: number;
  /** No key fits, or it was tampered with. */
  undecryptable: number;
  /** Not a PDU: its length, an address or a transport field is wrong. */
  malformed: number;
  /** Dropped by replay protection. */
  replayed: number;
  /** Dropped because the replay list has no room for another source. */
  replayListFull: number;
  /** Access messages for this node that no AppKey, device key and label authenticates. */
  unreadable: number;
  /** Access messages handed to the layer above. */
  delivered: number;
  /** Authentic Secure Network and Mesh Private beacons of others. */
  beacons: number;
  beaconsSent: number;
  /** As a Friend: PDUs put into queues of Low Power nodes, those that had to make room or found none, answers sent. */
  friendQueued: number;
  friendDropped: number;
  friendAnswers: number;
  /** As a Low Power node: Polls and subscription changes sent, those without an answer, friendships lost. */
  polls: number;
  pollsUnanswered: number;
  friendshipsLost: number;
}

export function newCounters(): NetworkCounters {
  return {
    sent: 0,
    received: 0,
    relayed: 0,
    bridged: 0,
    relayDropped: 0,
    duplicates: 0,
    undecryptable: 0,
    malformed: 0,
    replayed: 0,
    replayListFull: 0,
    unreadable: 0,
    delivered: 0,
    beacons: 0,
    beaconsSent: 0,
    friendQueued: 0,
    friendDropped: 0,
    friendAnswers: 0,
    polls: 0,
    pollsUnanswered: 0,
    friendshipsLost: 0,
  };
}
