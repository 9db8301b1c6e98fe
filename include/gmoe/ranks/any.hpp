#pragma once
/// A communicator that is chosen at run time: what takes it is compiled once.

#include <memory>
#include <utility>

#include "gmoe/ranks/alone.hpp"

namespace gmoe::ranks {

/// Any other one, or `alone`.
class any {
 public:
  any() : any(alone{}) {}
  template <class C>
  requires(!std::same_as<C, any> && communicator<C>) explicit any(C of)
      : held_(std::make_shared<const holder<C>>(std::move(of))) {}

  int rank() const { return held_->rank(); }
  int size() const { return held_->size(); }
  void barrier() const { held_->barrier(); }
  void broadcast(bytes_out all, int root) const { held_->broadcast(all, root); }
  void all_gather(bytes mine, bytes_out all, counts of) const { held_->all_gather(mine, all, of); }
  void all_to_all(bytes mine, counts to, bytes_out yours, counts from) const {
    held_->all_to_all(mine, to, yours, from);
  }
  void fail(std::string_view why) const noexcept { held_->fail(why); }

 private:
  struct base {
    virtual ~base() = default;
    virtual int rank() const = 0;
    virtual int size() const = 0;
    virtual void barrier() const = 0;
    virtual void broadcast(bytes_out all, int root) const = 0;
    virtual void all_gather(bytes mine, bytes_out all, counts of) const = 0;
    virtual void all_to_all(bytes mine, counts to, bytes_out yours, counts from) const = 0;
    virtual void fail(std::string_view why) const noexcept = 0;
  };
  template <class C>
  struct holder final : base {
    C of;

    explicit holder(C c) : of(std::move(c)) {}
    int rank() const override { return of.rank(); }
    int size() const override { return of.size(); }
    void barrier() const override { of.barrier(); }
    void broadcast(bytes_out all, int root) const override { of.broadcast(all, root); }
    void all_gather(bytes mine, bytes_out all, counts lengths) const override { of.all_gather(mine, all, lengths); }
    void all_to_all(bytes mine, counts to, bytes_out yours, counts from) const override {
      of.all_to_all(mine, to, yours, from);
    }
    void fail(std::string_view why) const noexcept override { of.fail(why); }
  };

  std::shared_ptr<const base> held_;
};
static_assert(communicator<any>);

}  // namespace gmoe::ranks
