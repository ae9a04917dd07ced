// What Apple's Foundation has and Debian 12's GNUstep, which is built without libdispatch, has not: NSURLSession with its data task,
// over NSURLConnection on a thread of its own, and dispatch_semaphore, over sem_t. Included before a program by the compiler's -include.
#import <Foundation/Foundation.h>
#include <semaphore.h>

typedef sem_t *dispatch_semaphore_t;
#define DISPATCH_TIME_FOREVER (~0ull)
static inline dispatch_semaphore_t dispatch_semaphore_create(long value) { sem_t *sem = malloc(sizeof *sem); sem_init(sem, 0, (unsigned) value); return sem; }
static inline long dispatch_semaphore_signal(dispatch_semaphore_t sem) { return sem_post(sem); }
static inline long dispatch_semaphore_wait(dispatch_semaphore_t sem, unsigned long long forever) { (void) forever; while (sem_wait(sem) != 0); return 0; }

typedef void (^AppleCompletion)(NSData *data, NSURLResponse *response, NSError *error);

@interface NSURLSessionDataTask : NSObject { @public NSURLRequest *request; AppleCompletion completion; }
- (void) resume;
@end
@implementation NSURLSessionDataTask
- (void) resume { [NSThread detachNewThreadSelector: @selector(load) toTarget: self withObject: nil]; }
- (void) load {
  NSAutoreleasePool *pool = [NSAutoreleasePool new];
  NSURLResponse *response = nil;
  NSError *error = nil;
  NSData *data = [NSURLConnection sendSynchronousRequest: request returningResponse: &response error: &error];
  completion(data, response, error);
  [pool drain];
}
@end

@interface NSURLSession : NSObject
+ (NSURLSession *) sharedSession;
- (NSURLSessionDataTask *) dataTaskWithRequest: (NSURLRequest *)request completionHandler: (AppleCompletion)completion;
@end
@implementation NSURLSession
+ (NSURLSession *) sharedSession { static NSURLSession *shared; if (shared == nil) shared = [NSURLSession new]; return shared; }
- (NSURLSessionDataTask *) dataTaskWithRequest: (NSURLRequest *)request completionHandler: (AppleCompletion)completion {
  NSURLSessionDataTask *task = [NSURLSessionDataTask new];
  task->request = [request copy];
  task->completion = Block_copy(completion);
  return task;
}
@end
