/** One SRV record, of `_xmpp-server` or, with `direct`, of `_xmpps-server` (XEP-0368). */
export interface ServiceRecord {
  readonly name: string;
  readonly port: number;
  readonly priority: number;
  readonly weight: number;
  readonly direct: boolean;
}

/**
 * Records in the order in which to try them: lower priority first, and within one priority at random by weight
 * (RFC 2782, "Usage rules"). Both services are mixed as if they were one (XEP-0368 §3 rule 1).
 */
export function inServiceOrder(
  records: readonly ServiceRecord[],
  random: () => number = Math.random,
): ServiceRecord[] {
  const ordered: ServiceRecord[] = [];
  const priorities = [...new Set(records.map((record) => record.priority))].sort((a, b) => a - b);
  for (const priority of priorities) {
    // those of weight 0 first, so that they have a very small chance
    const left = records
      .filter((record) => record.priority === priority)
      .sort((a, b) => Number(a.weight !== 0) - Number(b.weight !== 0));
    while (left.length > 0) {
      const sum = left.reduce((total, record) => total + record.weight, 0);
      const chosen = Math.floor(random() * (sum + 1));
      let running = 0;
      const index = left.findIndex((record) => {
        running += record.weight;
        return running >= chosen;
      });
      ordered.push(...left.splice(Math.max(index, 0), 1));
    }
  }
  return ordered;
}
