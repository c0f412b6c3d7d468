// The cores that run one task together: one at a time, handing over where one of them must wait for another, in an
// order that the seed decides. Their FIFOs, and the meeting of all of them.
#pragma once
#include <condition_variable>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "diagnostics.hpp"
#include "pto/standin/enums.hpp"

namespace htp_pto {

// A FIFO of one cluster, in one direction: a ring of slots, and how many each core has filled, taken and given back.
struct Fifo {
    struct Slot {
        std::vector<uint8_t> bytes;
    };
    std::vector<Slot> slots;
    uint32_t producers = 1, consumers = 1;
    std::map<int, uint64_t> pushed, popped, freed;  // by vector core (the cube is -1)
};

class Crew {
public:
    explicit Crew(uint64_t seed) : random_(seed) {}

    void add(std::function<void()> work) { workers_.push_back({std::move(work), nullptr, false}); }
    // Runs all workers. False when they wait for each other for ever.
    bool run() {
        if (workers_.size() == 1) {
            workers_[0].work();
            return true;
        }
        std::vector<std::thread> threads;
        for (size_t i = 0; i < workers_.size(); ++i) threads.emplace_back([this, i] { work(i); });
        {
            std::unique_lock<std::mutex> lock(mutex_);
            hand_over();
        }
        for (std::thread& thread : threads) thread.join();
        return !stuck_;
    }
    // Waits, letting others run, until `ready` holds. Throws when nobody can make it so.
    void wait(const std::function<bool()>& ready) {
        std::unique_lock<std::mutex> lock(mutex_);
        if (ready()) return;
        const size_t me = turn_;
        workers_[me].waits_for = &ready;
        hand_over();
        changed_.wait(lock, [&] { return turn_ == me; });
        workers_[me].waits_for = nullptr;
        if (stuck_ || stopped_) throw Stopped{};
    }
    // Waits until everyone is here; one that has ended never comes.
    void meet() {
        const uint64_t round = rounds_;
        ++arrived_;
        if (arrived_ == workers_.size()) {
            arrived_ = 0;
            ++rounds_;
            return;
        }
        wait([this, round] { return rounds_ != round; });
    }
    void stop() { stopped_ = true; }
    Fifo& fifo(int block, int id, int direction) { return fifos_[{block, id, direction}]; }

private:
    static constexpr size_t nobody = SIZE_MAX;
    struct Worker {
        std::function<void()> work;
        const std::function<bool()>* waits_for;
        bool ended;
    };

    size_t alive() const {
        size_t count = 0;
        for (const Worker& worker : workers_) count += !worker.ended;
        return count;
    }
    void work(size_t me) {
        {
            std::unique_lock<std::mutex> lock(mutex_);
            changed_.wait(lock, [&] { return turn_ == me; });
        }
        if (!stopped_ && !stuck_) workers_[me].work();
        std::unique_lock<std::mutex> lock(mutex_);
        workers_[me].ended = true;
        hand_over();
    }
    // Chooses who goes on; with the mutex held.
    void hand_over() {
        std::vector<size_t> able;
        for (size_t i = 0; i < workers_.size(); ++i)
            if (!workers_[i].ended &&
                (stopped_ || stuck_ || workers_[i].waits_for == nullptr || (*workers_[i].waits_for)()))
                able.push_back(i);
        if (able.empty() && alive() > 0) {
            stuck_ = true;
            for (size_t i = 0; i < workers_.size(); ++i)
                if (!workers_[i].ended) able.push_back(i);
        }
        turn_ = able.empty() ? nobody : able[random_() % able.size()];
        changed_.notify_all();
    }

    std::mt19937_64 random_;
    std::vector<Worker> workers_;
    std::mutex mutex_;
    std::condition_variable changed_;
    size_t turn_ = nobody;
    bool stuck_ = false, stopped_ = false;
    uint64_t rounds_ = 0, arrived_ = 0;
    std::map<std::tuple<int, int, int>, Fifo> fifos_;
};

}  // namespace htp_pto
