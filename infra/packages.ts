import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';
import { runTool } from './tool.ts';

const dependencyPlugin = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1';

/** Unpacks an npm package, by name and exact version, into `folder`. The user's npm settings apply. */
export async function unpackNpmPackage(spec: string, folder: string): Promise<void> {
  await runTool('npm', ['pack', spec, '--silent', '--pack-destination', folder], { cwd: folder });
  const archive = readdirSync(folder).find((name) => name.endsWith('.tgz'));
  if (archive === undefined) throw new Error(`npm pack ${spec} wrote no archive`);
  await runTool('tar', ['-xzf', archive, '--strip-components=1', '--no-same-owner'], { cwd: folder });
  rmSync(join(folder, archive));
}

/** Copies the jars of Maven artifacts (`group:artifact:version`) and all that they need to `folder`/lib. */
export async function copyMavenJars(
  artifacts: readonly string[],
  folder: string,
  javaHome: string,
): Promise<void> {
  const pom = join(folder, 'pom.xml');
  writeFileSync(pom, pomFor(artifacts));
  const goal = `${dependencyPlugin}:copy-dependencies`;
  const lib = join(folder, 'lib');
  mkdirSync(lib);
  await runMaven(['-f', pom, goal, `-DoutputDirectory=${lib}`, '-DincludeScope=runtime'], folder, javaHome);
}

/** Unpacks a Maven artifact that is an archive (`group:artifact:version:type[:classifier]`) into `folder`. */
export async function unpackMavenArchive(artifact: string, folder: string, javaHome: string): Promise<void> {
  const args = [`${dependencyPlugin}:unpack`, `-Dartifact=${artifact}`, `-DoutputDirectory=${folder}`];
  await runMaven(args, folder, javaHome);
}

/** A project that does nothing but depend on the artifacts. */
export function pomFor(artifacts: readonly string[]): string {
  const dependencies = artifacts.map((artifact) => {
    const [group, name, version] = artifact.split(':');
    return `    <dependency><groupId>${group}</groupId><artifactId>${name}</artifactId><version>${version}</version></dependency>`;
  });
  return [
    '<project xmlns="http://maven.apache.org/POM/4.0.0">',
    '  <modelVersion>4.0.0</modelVersion>',
    '  <groupId>tailrace</groupId><artifactId>server</artifactId><version>1</version>',
    '  <dependencies>',
    ...dependencies,
    '  </dependencies>',
    '</project>',
    '',
  ].join('\n');
}

/** Installs Python packages (`name==version`) into a virtual environment in `folder`/venv. */
export async function installPythonPackages(
  specs: readonly string[],
  folder: string,
  python: string,
): Promise<void> {
  const venv = join(folder, 'venv');
  await runTool(python, ['-m', 'venv', venv]);
  await runTool(join(venv, 'bin', 'python'), ['-m', 'pip', 'install', '--quiet', '--no-cache-dir', ...specs]);
}

/** Downloads Debian packages with the system's own apt and unpacks them under `folder`, without installing them. */
export async function unpackDebianPackages(names: readonly string[], folder: string): Promise<void> {
  const isRoot = process.getuid?.() === 0;
  const sandbox = isRoot ? ['-o', 'APT::Sandbox::User=root'] : [];
  const get = ['apt-get', '-q', ...sandbox, 'download', ...names] as const;
  try {
    await runTool(get[0], get.slice(1), { cwd: folder });
  } catch (thrown) {
    // A container's image often has no package lists; only root may fetch them.
    if (!isRoot) throw thrown;
    await runTool('apt-get', ['-q', 'update']);
    await runTool(get[0], get.slice(1), { cwd: folder });
  }
  for (const archive of readdirSync(folder).filter((name) => name.endsWith('.deb'))) {
    await runTool('dpkg', ['-x', archive, folder], { cwd: folder });
    rmSync(join(folder, archive));
  }
}

async function runMaven(args: readonly string[], folder: string, javaHome: string): Promise<void> {
  const env = { ...process.env, JAVA_HOME: javaHome, MAVEN_OPTS: mavenOptions() };
  await runTool('mvn', ['-q', '-B', ...args], { cwd: folder, env });
}

/** Java finds no home folder for a user without a name, as containers with a bare uid have, and would make one here. */
function mavenOptions(): string {
  const options = process.env['MAVEN_OPTS'] ?? '';
  try {
    userInfo();
    return options;
  } catch {
    return `${options} -Duser.home=${homedir()}`;
  }
}
