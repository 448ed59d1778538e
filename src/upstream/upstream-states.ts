import type { Route } from '../route/table.ts';
import { placeOf } from '../route/upstream/config.ts';
import type { Upstream } from '../route/upstream/config.ts';
import type { UpstreamFigures } from '../observability/upstream-metrics.ts';
import type { Runtime } from '../runtime.ts';
import { hashOf } from './balance.ts';
import type { Member } from './balance.ts';
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
  /** Makes the groups of a configuration, which may yet come to nothing. Changes nothing. */
  readonly plan: (routes: readonly Route[], secureOf: SecureOptionsOf) => UpstreamPlan;
  readonly figures: () => readonly UpstreamFigures[];
  /** Ends every health check. */
  readonly stop: () => void;
}

export interface UpstreamPlan {
  /** The targets of an upstream of these routes; null where there is nothing to choose or to watch. */
  readonly groupOf: (upstream: Upstream) => Group | null;
  /** The configuration is in force: forgets targets that are gone, ends their health checks and starts others. */
  readonly takeOver: () => void;
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
  let routes: ReadonlyMap<string, RouteState> = new Map();
  let ends: (() => void)[] = [];

  const stop = (): void => {
    for (const end of ends) end();
    ends = [];
  };

  const membersOf = (id: string, upstream: Upstream): readonly Member[] =>
    upstream.targets.map((target) => {
      const place = placeOf(target);
      const state = routes.get(id)?.targets.get(place) ?? new TargetState(id, place, log);
      return { target, state, seed: hashOf(place), account: 0 };
    });

  const watch = ({ upstream, members, ejection, room }: Group, secure: SecureOptions): void => {
    const { healthCheck: check } = upstream;
    for (const { target, state } of members) {
      if (ejection === null) state.unejected();
      if (check === null) {
        state.unchecked();
        continue;
      }
      const onResult = (failure: string | null): void => {
        state.checked(failure, now(), check);
        room.wake();
      };
      ends.push(startHealthCheck({ upstream, secure, check, target, onResult, randomBytes }));
    }
    room.wake();
  };

  return {
    plan: (given, secureOf) => {
      const groups = new Map<Upstream, Group>();
      const planned = new Map<string, RouteState>();
      for (const route of given) {
        if (route.answer !== null || route.upstream.isPlain) continue;
        const { id, upstream } = route;
        const room = routes.get(id)?.room ?? createWaitingRoom();
        const members = membersOf(id, upstream);
        groups.set(upstream, createGroup(upstream, members, room));
        const targets = new Map(members.map(({ target, state }) => [placeOf(target), state]));
        planned.set(id, { targets, room });
      }
      return {
        groupOf: (upstream) => groups.get(upstream) ?? null,
        takeOver: () => {
          stop();
          routes = planned;
          for (const group of groups.values()) watch(group, secureOf(group.upstream));
        },
      };
    },
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
