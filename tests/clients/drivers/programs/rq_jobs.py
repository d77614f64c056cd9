"""RQ. Arguments: worker|producer PORT BACKEND_PORT PREFIX JOBS"""
import sys
import time

from redis import Redis


def job(backend, prefix, number):
    time.sleep(0.02)
    Redis(port=backend).rpush(f"{prefix}:done", number)


if __name__ == "__main__":
    import rq_jobs
    from rq import Queue, Worker

    role, port, backend, prefix, jobs = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], int(sys.argv[5])
    queue = Queue(prefix, connection=Redis(port=port))
    if role == "worker":
        Worker([queue], connection=Redis(port=port)).work()
    for number in range(jobs):
        try:
            queue.enqueue(rq_jobs.job, backend, prefix, number)
        except Exception as error:
            print(f"job {number}: {type(error).__name__}: {error}")
