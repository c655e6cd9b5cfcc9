import { startProgram, type RunningProgram } from '../program.ts';

/** One scenario's pipeline, as a user would set it up: a config file and nothing tuned. */
export interface PipelinePlan {
  readonly pipeline: string;
  /** The database; it reaches the program through the environment. */
  readonly url: string;
  readonly brokers: string;
  /** Undefined: JSON. */
  readonly registryUrl: string | undefined;
  readonly snapshot: 'initial' | 'never';
  /** For the config, the log and the pid. */
  readonly folder: string;
}

/** Starts the producer. With `profileFolder` Node writes a CPU profile of each of its threads there at the end. */
export function startProducer(plan: PipelinePlan, profileFolder?: string): RunningProgram {
  const { pipeline, url, brokers, registryUrl, snapshot, folder } = plan;
  const config = {
    pipeline,
    source: { url: '${DATABASE_URL}', tables: ['public.entry'], snapshot },
    kafka: { brokers: ['${KAFKA_BROKERS}'] },
    ...(registryUrl === undefined ? {} : { registry: { url: '${REGISTRY_URL}' } }),
  };
  const env = {
    ...(registryUrl === undefined ? {} : { REGISTRY_URL: registryUrl }),
    DATABASE_URL: url,
    KAFKA_BROKERS: brokers,
  };
  return startProgram({ name: pipeline, role: ['producer'], config, env, folder }, profileFolder);
}
