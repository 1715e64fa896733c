/** The Postgres advisory locks of synkvy, by their first key, so that no two meanings meet. The second key is 0 or what is locked. */
export const advisoryLocks = {
  /** Held by whoever migrates; session level. */
  migration: 7_591_001,
  /** Held by the gateway that sequences; session level, on a direct connection. */
  sequencer: 7_591_002,
  /** Held by each gateway for its node number, for as long as it lives; session level, on a direct connection. */
  node: 7_591_003,
  /** Guards the start of a resend of one view; transaction level. */
  resend: 7_591_004,
  /** Held by the gateway that sweeps what is over; transaction level. */
  housekeeping: 7_591_005,
  /** Held by whoever registers a trusted document of an account; transaction level. */
  documents: 7_591_006,
} as const
