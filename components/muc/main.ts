import { runComponent } from '../../shared/component/process.js';
import { composeMuc } from './muc.js';
import { settings } from './settings.js';

/** Of the 4.5 s that a process has to end. */
const DRAIN_MILLISECONDS = 1_500;

await runComponent({
  name: 'muc',
  definition: settings,
  async compose({ component, storage, log, metrics, control, setReadiness, settings: values }) {
    const leave = async (): Promise<number> => {
      const occupants = await service.close();
      await component.stop('leaving');
      log.info({ code: 'muc.closed', occupants }, 'the service is closed');
      // The process stays, so that no supervisor brings back what was closed for good.
      setReadiness({
        ready: false,
        reason: 'closed by its administrator; restart the process to open it again',
      });
      return occupants;
    };
    const service = await composeMuc({
      close: leave,
      superseded: () => {
        setReadiness({ ready: false, reason: 'another process serves these rooms' });
        void component.stop('restart');
      },
      component,
      storage,
      log,
      metrics,
      multicast: values.MUC_MULTICAST,
      logFolder: values.MUC_LOG_DIR ?? null,
      policy: {
        name: values.MUC_NAME,
        coreDomain: values.CORE_DOMAIN[0] ?? 'localhost',
        localDomains: new Set(values.CORE_DOMAIN),
        admins: new Set(values.MUC_ADMINS),
        creation: values.MUC_ROOM_CREATION,
        roomsPerUser: values.MUC_ROOMS_PER_USER,
        roomsPerServer: values.MUC_ROOMS_PER_SERVER,
        maxOccupants: values.MUC_MAX_OCCUPANTS,
        history: values.MUC_HISTORY,
        historyBytes: values.MUC_HISTORY_BYTES,
        nickLength: values.MUC_NICK_LENGTH,
        subjectLength: values.MUC_SUBJECT_LENGTH,
        messageBytes: values.MUC_MESSAGE_BYTES,
        rate: values.MUC_RATE,
        burst: values.MUC_BURST,
        groupchat1: values.MUC_GROUPCHAT_1,
        logUrl: values.MUC_LOG_URL ?? '',
        pingsPerSecond: values.MUC_PINGS_PER_SECOND,
        pingIdleSeconds: values.MUC_PING_AFTER,
      },
    });
    control.handle('close', async () => ({ occupants: await leave() }));
    return {
      drain: () => service.drain(DRAIN_MILLISECONDS),
      status: () => service.counts,
    };
  },
});
