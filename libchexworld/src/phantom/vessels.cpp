// SPDX-License-Identifier: Apache-2.0
#include "phantom/vessels.h"

#include <algorithm>
#include <cmath>

namespace chexworld::phantom {

namespace {

constexpr double kTwigRadius = 0.62;  // mm, where a branch ends
constexpr double kMurray = 2.65;      // exponent; 3 in theory, less in lungs
constexpr double kDetour = 0.4;       // how much a long way back to the hilum counts in choosing a parent
constexpr double kStep = 9;           // mm between points of a branch

struct Node {
  Point at, heading;
  int parent = -1;
  double way = 0;   // mm from the hilum
  double load = 0;  // radius to the power kMurray: the sum of what hangs on it
};

struct TreePlan {
  Point root, heading;
  int side, twigs;
  std::uint64_t stream;
};

/// Points of the lung, nearest to the root first. Lower zones get more: blood sinks.
std::vector<Point> targets(const Body& body, const TreePlan& plan, RandomSource& random) {
  std::vector<Point> points;
  for (int tries = 0; int(points.size()) < plan.twigs && tries < 60 * plan.twigs; ++tries) {
    const Point point{plan.side * uniform_in(random, {10, 140}), uniform_in(random, {-105, 100}),
                      uniform_in(random, {0, 300})};
    if (random.uniform() < 0.5 * std::clamp((point.z - 120) / 180, 0.0, 1.0)) continue;
    if (body.in_lung(point, plan.side, 9)) points.push_back(point);
  }
  std::sort(points.begin(), points.end(),
            [&](const Point& a, const Point& b) { return norm(a - plan.root) < norm(b - plan.root); });
  return points;
}

int best_parent(const std::vector<Node>& nodes, const Point& target) {
  int best = 0;
  double least = 1e18;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const Point towards = target - nodes[i].at;
    const double distance = norm(towards);
    const double back = 1 - dot(nodes[i].heading, normalised(towards));  // 0 ahead, 2 behind
    const double cost = distance * (1 + 0.55 * back) + kDetour * nodes[i].way;
    if (cost < least) least = cost, best = int(i);
  }
  return best;
}

/// A bent branch from a node to a target that leaves in the node's direction.
void grow(std::vector<Node>& nodes, int parent, const Point& target, RandomSource& random) {
  const Node from = nodes[std::size_t(parent)];
  const double distance = norm(target - from.at);
  const Point wander{uniform_in(random, {-1, 1}), uniform_in(random, {-1, 1}), uniform_in(random, {-1, 1})};
  const Point bend = from.at + 0.38 * distance * from.heading + 0.07 * distance * wander;
  const int steps = std::max(1, int(distance / kStep));
  int previous = parent;
  for (int s = 1; s <= steps; ++s) {
    const double t = double(s) / steps, u = 1 - t;
    const Point at = u * u * from.at + 2 * u * t * bend + t * t * target;
    const Point last = nodes[std::size_t(previous)].at;
    nodes.push_back({at, normalised(at - last), previous, nodes[std::size_t(previous)].way + norm(at - last), 0});
    previous = int(nodes.size()) - 1;
  }
  nodes[std::size_t(previous)].load = std::pow(kTwigRadius, kMurray);
}

void spread_radii(std::vector<Node>& nodes) {
  for (std::size_t i = nodes.size(); i-- > 1;)  // children come after their parents
    nodes[std::size_t(nodes[i].parent)].load += nodes[i].load;
}

double radius_of(const Node& node) { return std::pow(node.load, 1 / kMurray); }

/// One stroke for every stretch without a branch.
std::vector<Stroke> strokes_of(const std::vector<Node>& nodes) {
  std::vector<int> children(nodes.size(), 0);
  for (std::size_t i = 1; i < nodes.size(); ++i) ++children[std::size_t(nodes[i].parent)];
  std::vector<Stroke> strokes;
  for (std::size_t end = 1; end < nodes.size(); ++end) {
    if (children[end] == 1) continue;  // not an end or a fork
    Stroke stroke;
    auto i = int(end);
    do {
      const Node& node = nodes[std::size_t(i)];
      stroke.points.push_back({node.at, radius_of(node)});
      i = node.parent;
    } while (i > 0 && children[std::size_t(i)] == 1);
    if (i >= 0) stroke.points.push_back({nodes[std::size_t(i)].at, stroke.points.back().radius});
    strokes.push_back(std::move(stroke));
  }
  return strokes;
}

std::vector<Stroke> make_tree(const Body& body, const Anatomy& anatomy, const TreePlan& plan) {
  StreamRandom random({anatomy.seed, 2, plan.stream, RandomPurpose::kOther});
  std::vector<Node> nodes{{plan.root, normalised(plan.heading), -1, 0, 0}};
  for (const Point& target : targets(body, plan, random)) grow(nodes, best_parent(nodes, target), target, random);
  spread_radii(nodes);
  return strokes_of(nodes);
}

}  // namespace

std::vector<Stroke> make_vessels(const Body& body, const Anatomy& anatomy) {
  std::vector<Stroke> all;
  std::uint64_t stream = 0;
  for (const int side : {kRight, kLeft}) {
    const double s = side, up = side == kLeft ? 11 : 0;  // the left hilum is the higher one
    const TreePlan plans[] = {{{s * 36, -8, 148 + up}, {s, -0.1, -0.5}, side, 260, stream++},  // arteries
                              {{s * 30, -8, 116}, {s, 0, -0.05}, side, 150, stream++}};        // veins
    for (const TreePlan& plan : plans)
      for (Stroke& stroke : make_tree(body, anatomy, plan)) all.push_back(std::move(stroke));
  }
  return all;
}

}  // namespace chexworld::phantom
