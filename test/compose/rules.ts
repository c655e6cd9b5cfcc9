import type { ComposeFile, Service } from './compose-file.ts';

/** Says what breaks the rule, one sentence each; empty when nothing does. */
export type Rule = (file: ComposeFile) => string[];

/** The workers, by the argument of `tailrace run`. */
export const WORKERS: Readonly<Record<string, readonly string[]>> = {
  producer: ['producer'],
  'sink-search': ['sink', 'search'],
  'sink-analytics': ['sink', 'analytics'],
  'sink-documents': ['sink', 'documents'],
  'sink-cache': ['sink', 'cache'],
  'sink-graph': ['sink', 'graph'],
};

const OWN_IMAGE = /^tailrace:/;
const MOST_MEMORY_MIB = 7.5 * 1024;

const KAFKA_SETTINGS = {
  KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false',
  KAFKA_DEFAULT_REPLICATION_FACTOR: '1',
  KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1',
  KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: '1',
  KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: '1',
  KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR: '1',
  KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR: '1',
  KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0',
};

/** A version of at least two numbers: `latest`, `8` and no tag at all name another image next month. */
export const imagesArePinned: Rule = (file) =>
  problems(file, (name, { image }) =>
    image !== undefined && /^[^:@]+:v?\d+\.\d+(\.\d+)*(-[a-z0-9.]+)?$/.test(image)
      ? []
      : [`${name}: image ${image ?? '(none)'} has no exact tag`],
  );

export const servicesHaveHealthChecks: Rule = (file) =>
  problems(file, (name, { healthcheck }) => {
    if (isOneShot(file, name)) return [];
    return healthcheck?.test === undefined || healthcheck.disable === true
      ? [`${name}: no health check`]
      : [];
  });

/** A one-shot is waited for until it has ended well, anything else until it is healthy. */
export const dependenciesAreAwaited: Rule = (file) =>
  problems(file, (name, { depends_on }) => {
    if (Array.isArray(depends_on)) return [`${name}: depends_on as a list does not wait for health`];
    return Object.entries(depends_on).flatMap(([other, { condition }]) => {
      if (file.services[other] === undefined) return [`${name}: depends on ${other}, which does not exist`];
      const ends = file.services[other].restart === 'no';
      const wanted = ends ? 'service_completed_successfully' : 'service_healthy';
      return condition === wanted
        ? []
        : [`${name}: waits for ${other} with ${condition}, not with ${wanted}`];
    });
  });

export const portsAreOnLoopback: Rule = (file) =>
  problems(file, (name, { ports }) =>
    ports
      .filter((port) => !/^127\.0\.0\.1:\d+:\d+$/.test(port))
      .map((port) => `${name}: port ${port} is not bound to 127.0.0.1`),
  );

export const hostPortsDiffer: Rule = ({ services }) => {
  const ports = Object.values(services).flatMap(({ ports: own }) => own.map((port) => port.split(':')[1]));
  return ports
    .filter((port, index) => ports.indexOf(port) !== index)
    .map((port) => `port ${port} is used twice`);
};

export const volumesAreDeclaredAndUsed: Rule = (file) => {
  const used = new Set(
    Object.values(file.services)
      .flatMap(({ volumes }) => volumes.map((volume) => volume.split(':')[0] ?? ''))
      .filter((source) => !/^[./]/.test(source)),
  );
  const declared = new Set(Object.keys(file.volumes));
  return [
    ...[...used]
      .filter((volume) => !declared.has(volume))
      .map((volume) => `volume ${volume} is not declared`),
    ...[...declared].filter((volume) => !used.has(volume)).map((volume) => `volume ${volume} is not used`),
  ];
};

/** What a container reads from the repository it must not write. */
export const mountedFilesAreReadOnly: Rule = (file) =>
  problems(file, (name, { volumes }) =>
    volumes
      .filter((volume) => /^[./]/.test(volume) && !volume.endsWith(':ro'))
      .map((volume) => `${name}: ${volume} is mounted for writing`),
  );

export const servicesRestartAndStopGently: Rule = (file) =>
  problems(file, (name, service) => [
    ...(isOneShot(file, name) || service.restart === 'unless-stopped'
      ? []
      : [`${name}: does not restart unless stopped`]),
    ...(service.stop_grace_period === undefined ? [`${name}: no stop_grace_period`] : []),
  ]);

export const privilegesAreNotGained: Rule = (file) =>
  problems(file, (name, { security_opt }) =>
    security_opt.includes('no-new-privileges:true') ? [] : [`${name}: may gain privileges`],
  );

export const ownServicesAreLockedDown: Rule = (file) =>
  problems(file, (name, service) => {
    if (!isOwn(service)) return [];
    const demands: [boolean, string][] = [
      [/^[1-9]\d*:[1-9]\d*$/.test(service.user ?? ''), 'runs as root'],
      [service.read_only, 'may write to its image'],
      [service.tmpfs.length > 0, 'has no tmpfs for temporary files'],
      [service.cap_drop.includes('ALL'), 'keeps capabilities'],
      [service.init, 'has no init process'],
    ];
    return demands.filter(([isMet]) => !isMet).map(([, problem]) => `${name}: ${problem}`);
  });

/** All that runs together must leave a laptop of 8 GiB half a gigabyte; a one-shot ends before the workers start. */
export const memoryFitsALaptop: Rule = (file) => {
  const unlimited = problems(file, (name, { mem_limit }) =>
    mem_limit !== undefined && /^\d+m$/.test(mem_limit) ? [] : [`${name}: no mem_limit in MiB`],
  );
  const sumMib = Object.entries(file.services)
    .filter(([name]) => !isOneShot(file, name))
    .reduce((sum, [, { mem_limit }]) => sum + Number.parseInt(mem_limit ?? '0', 10), 0);
  return sumMib > MOST_MEMORY_MIB ? [...unlimited, `the limits sum up to ${sumMib} MiB`] : unlimited;
};

export const postgresWritesLogicalWal: Rule = ({ services }) =>
  services.postgres?.command?.includes('wal_level=logical') === true
    ? []
    : ['postgres: wal_level is not logical'];

export const kafkaIsSetAsInTheLocalStack: Rule = ({ services }) =>
  Object.entries(KAFKA_SETTINGS)
    .filter(([name, value]) => services.kafka?.environment[name] !== value)
    .map(([name, value]) => `kafka: ${name} is not ${value}`);

/** Inside the network `kafka:9092`; from this machine the port that is published, on an address that it can reach. */
export const kafkaIsReachableFromInsideAndOutside: Rule = ({ services }) => {
  const advertised = (services.kafka?.environment.KAFKA_ADVERTISED_LISTENERS ?? '').split(',');
  const published = services.kafka?.ports[0]?.split(':') ?? [];
  return [`INTERNAL://kafka:9092`, `HOST://${published[0]}:${published[1]}`]
    .filter((listener) => !advertised.includes(listener))
    .map((listener) => `kafka: does not advertise ${listener}`);
};

/** Same program, same config, an address that Prometheus can reach. */
export const workersRunTheirPart: Rule = ({ services }) =>
  Object.entries(WORKERS).flatMap(([name, part]) => {
    const wanted = ['run', ...part, '-c', 'examples/pursuit/tailrace.yaml', '--metrics-host', '0.0.0.0'].join(
      ' ',
    );
    return services[name]?.command?.join(' ') === wanted ? [] : [`${name}: does not run \`${wanted}\``];
  });

/** Every address is that of a service, and each worker waits for the servers that it cannot do without. */
export const addressesNameServices: Rule = (file) =>
  problems(file, (name, { environment }) =>
    Object.entries(environment)
      .filter(([variable]) => /_(URL|BROKERS)$/.test(variable))
      .filter(([, address]) => file.services[hostOf(address)] === undefined)
      .map(([variable]) => `${name}: ${variable} names no service`),
  );

export function isOwn({ image }: Service): boolean {
  return OWN_IMAGE.test(image ?? '');
}

export function hostOf(address: string): string {
  return address.replace(/^[a-z]+:\/\/([^@/]*@)?/, '').replace(/[:/].*$/, '');
}

/** A service that others wait for to end. */
function isOneShot({ services }: ComposeFile, name: string): boolean {
  return Object.values(services).some(
    ({ depends_on }) =>
      !Array.isArray(depends_on) && depends_on[name]?.condition === 'service_completed_successfully',
  );
}

function problems({ services }: ComposeFile, check: (name: string, service: Service) => string[]): string[] {
  return Object.entries(services).flatMap(([name, service]) => check(name, service));
}
