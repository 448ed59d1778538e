import type { Route } from '../route/table.ts';
import { placeOf } from '../route/upstream/config.ts';
import type { Upstream } from '../route/upstream/config.ts';
import type { UpstreamFigures } from '../observability/upstream-metrics.ts';
import type { Runtime } from '../runtime.ts';
import { hashOf } from './balance.ts';
import { createGroup, createWaitingRoom, type Group, type WaitingRoom } from './group.ts';
import type { SecureOptions, SecureOptionsOf } from './secure.ts';
import { startHealthCheck } from './health-check.ts';
import { conditions, TargetState } from './target-state.ts';

/**
 * What this process knows of the targets of every route that has more than one, or something to watch. Knowledge outlives a
 * reload: a target that stays under the same route keeps its health, its counts and who waits for it. Each process asks and
 * counts for itself.
 */
export interface UpstreamStates {
  /** Takes over the routes of a configuration: forgets targets that are gone, starts and ends health checks. */
  readonly adopt: (routes: readonly Route[], secureOf: SecureOptionsOf) => void;
  /** The targets of an upstream of an adopted route; null where there is nothing to choose or to watch. */
  readonly groupOf: (upstream: Upstream) => Group | null;
  readonly figures: () => readonly UpstreamFigures[];
  /** Ends every health check. */
  readonly stop: () => void;
}

interface RouteState {
  readonly targets: Map<string, TargetState>;
  readonly room: WaitingRoom;
}

export function createUpstreamStates({
  now,
  randomBytes,
  log,
}: Pick<Runtime, 'now' | 'randomBytes' | 'log'>): UpstreamStates {
  const groups = new WeakMap<Upstream, Group>();
  let routes = new Map<string, RouteState>();
  let ends: (() => void)[] = [];

  const stop = (): void => {
    for (const end of ends) end();
    ends = [];
  };

  const adoptRoute = (id: string, upstream: Upstream, secure: SecureOptions): RouteState => {
    const known = routes.get(id);
    const room = known?.room ?? createWaitingRoom();
    const targets = new Map<string, TargetState>();
    const members = upstream.targets.map((target) => {
      const place = placeOf(target);
      const state = known?.targets.get(place) ?? new TargetState(id, place, log);
      targets.set(place, state);
      const { healthCheck: check } = upstream;
      if (check === null) state.unchecked();
      else {
        const onResult = (failure: string | null): void => {
          state.checked(failure, now(), check);
          room.wake();
        };
        ends.push(startHealthCheck({ upstream, secure, check, target, onResult, randomBytes }));
      }
      if (upstream.ejection === null || upstream.targets.length === 1) state.unejected();
      return { target, state, seed: hashOf(place), account: 0 };
    });
    groups.set(upstream, createGroup(upstream, members, room));
    room.wake();
    return { targets, room };
  };

  return {
    adopt: (given, secureOf) => {
      stop();
      routes = new Map(
        given.flatMap((route) =>
          route.answer !== null || route.upstream.isPlain
            ? []
            : [[route.id, adoptRoute(route.id, route.upstream, secureOf(route.upstream))] as const],
        ),
      );
    },
    groupOf: (upstream) => groups.get(upstream) ?? null,
    figures: () =>
      [...routes].flatMap(([route, { targets }]) =>
        [...targets].map(([target, state]) => ({
          route,
          target,
          isUp: state.condition(now()) === conditions.fit,
          active: state.active,
          requests: state.requests,
          failures: state.failures,
          ejections: state.ejections,
        })),
      ),
    stop,
  };
}
