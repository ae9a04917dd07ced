// An iPhone app of the vendor's school on NSURLSession: the shared session, a timeoutInterval of 10.0, a semaphore to wait with.
#import <Foundation/Foundation.h>

static NSString *api;

static NSString *setting(NSString *name) {
  return [[[NSProcessInfo processInfo] environment] objectForKey:name];
}

static NSData *bytes(NSString *text) {
  return [text dataUsingEncoding:NSUTF8StringEncoding];
}

/** Prints the response, and returns it. */
static NSDictionary *call(NSString *step, NSString *method, NSString *path, NSDictionary *headers, NSData *body) {
  dispatch_semaphore_t sema = dispatch_semaphore_create(0);
  NSMutableURLRequest *request = [NSMutableURLRequest requestWithURL:[NSURL URLWithString:[api stringByAppendingString:path]]
    cachePolicy:NSURLRequestUseProtocolCachePolicy
    timeoutInterval:10.0];
  [request setAllHTTPHeaderFields:headers];
  if (body != nil) [request setHTTPBody:body];
  [request setHTTPMethod:method];
  __block NSDictionary *result = nil;
  NSURLSession *session = [NSURLSession sharedSession];
  NSURLSessionDataTask *dataTask = [session dataTaskWithRequest:request
  completionHandler:^(NSData *data, NSURLResponse *response, NSError *error) {
    if (error) {
      NSLog(@"%@", error);
    } else {
      NSString *text = [[NSString alloc] initWithData:data encoding:NSUTF8StringEncoding];
      printf("{\"step\":\"%s\",\"status\":%d,\"body\":%s}\n", [step UTF8String], (int) [(NSHTTPURLResponse *) response statusCode], [text UTF8String]);
      result = [[NSJSONSerialization JSONObjectWithData:data options:0 error:NULL] retain];
    }
    dispatch_semaphore_signal(sema);
  }];
  [dataTask resume];
  dispatch_semaphore_wait(sema, DISPATCH_TIME_FOREVER);
  return result;
}

static NSDictionary *form(NSString *step, NSString *method, NSString *path, NSString *fields) {
  return call(step, method, path, @{ @"Content-Type": @"application/x-www-form-urlencoded" }, bytes(fields));
}

static NSDictionary *refresh(NSString *step, NSString *method, NSString *path, NSDictionary *last) {
  return form(step, method, path, [@"refresh_token=" stringByAppendingString:[last objectForKey:@"refresh_token"]]);
}

static NSDictionary *bearer(NSDictionary *result, NSString *contentType) {
  NSString *authorization = [@"Bearer " stringByAppendingString:[result objectForKey:@"access_token"]];
  return contentType == nil ? @{ @"Authorization": authorization } : @{ @"Authorization": authorization, @"Content-Type": contentType };
}

static void calorie(NSString *step, NSDictionary *result, int heartRate) {
  NSString *stride = [NSString stringWithFormat:@"{\"height\":172,\"weight\":66.5,\"age\":41,\"gender\":1,\"hr\":%d,\"cadence\":168,\"waistline\":82,\"body_fat\":17.5}", heartRate];
  call(step, @"POST", @"/calorie/running/results/", bearer(result, @"application/json"), bytes(stride));
}

static void upload(NSString *step, NSDictionary *result) {
  NSMutableData *body = [NSMutableData data];
  [body appendData:bytes(@"--b0undary\r\nContent-Disposition: form-data; name=\"ecg_file\"; filename=\"recording.ecg\"\r\nContent-Type: application/octet-stream\r\n\r\n")];
  [body appendData:[NSData dataWithContentsOfFile:setting(@"ECG_FILE")]];
  [body appendData:bytes(@"\r\n--b0undary\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\noffline\r\n--b0undary\r\nContent-Disposition: form-data; name=\"device\"\r\n\r\nV6\r\n--b0undary--\r\n")];
  call(step, @"POST", @"/hrv/rr-list/", bearer(result, @"multipart/form-data; boundary=b0undary"), body);
}

int main(void) {
  NSAutoreleasePool *pool = [NSAutoreleasePool new];
  api = [setting(@"BASE_URL") stringByAppendingString:@"/amsu-analysis/v2"];
  NSString *credentials = [NSString stringWithFormat:@"client_id=%@&client_secret=", setting(@"CLIENT_ID")];
  NSDictionary *first = form(@"token", @"POST", @"/token", [credentials stringByAppendingString:setting(@"CLIENT_SECRET")]);
  NSDictionary *second = refresh(@"renewal", @"PUT", @"/token", first);
  NSDictionary *third = refresh(@"refreshment", @"POST", @"/token/refreshment", second);

  call(@"times", @"GET", @"/available-times", bearer(first, nil), nil);
  call(@"redirect", @"GET", @"/available-times/", bearer(first, nil), nil);
  calorie(@"calorie", second, 148);
  upload(@"rr-list", third);
  calorie(@"bad field", third, 7);

  call(@"no authorization", @"GET", @"/available-times", @{}, nil);
  form(@"wrong secret", @"POST", @"/token", [credentials stringByAppendingFormat:@"not-%@", setting(@"CLIENT_SECRET")]);
  [pool drain];
  return 0;
}
